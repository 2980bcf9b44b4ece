"""The graph attention network of a table: trained once, and all its scores."""

from typing import Any

import numpy as np

from assets.display.plots import plots
from assets.lineage import checks
from assets.lineage.inputs import graph_of, options_of, read_graph, read_rows, read_vectors
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.lineage.task import Task
from assets.stages.scores import examples
from assets.tabular.attention_value import heads_to
from resources.lake import Lake
from resources.store import scores
from sluice.core.digests import array_digest, digest
from sluice.data.config import DatasetConfig
from sluice.evaluation.head_ablation import head_value
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.reports.figures import score_histogram
from sluice.scores.graph_attention.gat_scores import NAMES, GatResult, gat_config, gat_result
from sluice.scores.graph_attention.gat_scores import VERSION as GAT
from sluice.subsets.registry import SELECTORS

VERSION = "1"
SEED = 0
# One training makes them all.
JOINT_SCORES: dict[str, str] = dict.fromkeys(NAMES, "gat")


def gat_graph(task: Task, config: DatasetConfig) -> str:
    """Return the graph that a dataset's network is trained on."""
    return graph_of(task, SELECTORS["gais"], config)


@stage(
    "scores/gat",
    reads=lambda task, config: ["instances", "embeddings", f"graphs/{gat_graph(task, config)}"],
    may_read=lambda task: [
        "instances",
        "embeddings",
        *(f"graphs/{name}" for name in task.spec.graphs),
    ],
    resources=("compute",),
    kinds=("duckdb", "torch"),
    gpu=True,
    version=f"{VERSION}.{GAT}",
    table="scores",
    checks=[checks.of_score(name, f"{name}_finite") for name in NAMES],
    description=(
        "Graph attention networks (Velickovic et al., arXiv:1710.10903) on the graph that the "
        "options of `gais` name, each trained without one fold of the labels, attention "
        "averaged over them: the attention that each row receives, by head and with three "
        "normalisations, the out-of-fold probability of its own label, and its degree. A gate "
        "compares the out-of-fold accuracy with that of 3-NN and of a random forest; where the "
        "network has not learnt, no row is edited by it. Source: GAIS, arXiv:2502.20293."
    ),
    settings=lambda run: {
        "graph": gat_graph(run.task, run.config),
        "seed": SEED,
        "config": vars(gat_config(options_of(SELECTORS["gais"], run.config))),
    },
    replaces=True,
    only_read=True,
)
def gat(run: Run) -> Outcome:
    """Train the networks, and keep six scores and those of the heads."""
    lake, dataset, graph = run.lake, run.dataset, gat_graph(run.task, run.config)
    result = _train(lake, run.task, dataset, run.config, run.device)
    values = {**result.scores(), **result.head_scores()}
    scores.replace(lake, dataset, result.ids.tolist(), values)
    return Outcome(
        content=digest(digest_of(result.ids.tolist()), array_digest(*values.values())),
        total=len(result.ids),
        new=len(result.ids),
        metadata=_shown(run, graph, result),
        details={
            "gate": result.gate.words,
            "learnt": result.gate.learnt,
            "graph": graph,
            "heads": heads_to(head_value(result)),
        },
        device=result.device,
    )


def _train(lake: Lake, task: Task, dataset: str, config: DatasetConfig, device: str) -> GatResult:
    """Train the networks of a dataset on its training rows, and silence each of their heads."""
    train = read_rows(lake, dataset).of("train")
    graph = read_graph(lake, task, dataset, config, train, gat_graph(task, config))
    assert isinstance(graph, InstanceGraph), "a table's graphs are of instances"
    options = {"device": device, **options_of(SELECTORS["gais"], config)}
    vectors = read_vectors(lake, task, dataset, train)
    ids = np.array(train.ids)
    return gat_result(ids, vectors, train.labels, graph, SEED, options, ablate=True)


def _shown(run: Run, graph: str, result: GatResult) -> dict[str, Any]:
    train = read_rows(run.lake, run.dataset).of("train")
    received = result.scores()["attention"]
    highest = np.argsort(-received, kind="stable")[:5]
    lowest = np.argsort(received, kind="stable")[:5]
    gate = result.gate
    return {
        "graph": graph,
        "gate": gate.words,
        "has_learnt": gate.learnt,
        "out_of_fold_accuracy": result.accuracy,
        "accuracy_3_nn": gate.neighbours,
        "accuracy_random_forest": gate.forest,
        "share_of_majority": gate.majority,
        "edges_left_out": result.cut,
        "training_seconds": float(result.seconds),
        **plots(run.config, histogram=lambda: score_histogram(received, "attention")),
        "most_attended": examples(run.task, train, received, highest),
        "least_attended": examples(run.task, train, received, lowest),
    }
