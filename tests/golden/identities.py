"""What every stage's identity is made of, seen without computing anything.

Each asset of a shipped dataset runs up to the moment where its input digest is known, on a lake in
which every asset that it might read has a record.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from assets.lineage import stage
from assets.lineage.inputs import options_of
from assets.lineages import lineage_of
from assets.stages.subsets import header_of, seeds_of
from definitions import defs
from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import records
from sluice.data.config import DatasetConfig
from sluice.subsets.registry import selectors_for

# Sections that no shipped dataset has, so that the stages which they ask for are seen, too.
SECTIONS: dict[str, dict[str, Any]] = {
    "text": {"labelling": {"strategy": "margin", "rows": 10}, "label_noise": {}},
    "tabular": {},
    "instructions": {},
    "tokens": {"adaptation": {}},
}
CHOSEN = {
    "selector": "random_stratified",
    "budget": "10%",
    "seed": 0,
    "selection_id": "golden",
    "rows_digest": "golden",
    "size": 10,
}
DETAILS: dict[str, Any] = {
    "encoder": "golden",
    "adapter": "golden",
    "folder": "golden",
    "chosen": CHOSEN,
    "class_names": ["a", "b"],
    "version": "1",
    "selections": [CHOSEN],
    "evaluation_ids": ["golden"],
    "rows": [],
    "all_rows": {},
    "ids": "golden",
    "tagger": "golden",
    "identity": "golden",
}


class Seen(Exception):
    """An asset has said what its identity is made of."""


def copied(root: Path, dataset: str) -> str:
    """Copy a dataset into the home, with every optional section; return its task."""
    folder = Datasets().folder / dataset
    shutil.copytree(root / "datasets" / dataset, folder)
    path = folder / "dataset.yaml"
    said = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(said | SECTIONS[said["task"]]))
    return str(said["task"])


def written(root: Path, task: str) -> str:
    """Make a dataset of a task of which none is shipped."""
    assert task == "tokens"
    folder = Datasets().folder / "sentences"
    folder.mkdir()
    names = ["Ada", "Bo", "Cy", "Di", "Ed", "Flo"]
    lines = [f"{names[i % 6]} B-person\nmet O\nnumber O\n{i} B-count\n. O\n" for i in range(60)]
    (folder / "rows.conll").write_text("\n".join(lines))
    said = {"task": "tokens", "files": ["rows.conll"], **SECTIONS["tokens"]}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(said))
    return "sentences"


def identities(dataset: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return by asset what its identity is made of, and its digest."""
    lineage = lineage_of(Datasets().config(dataset))
    task = lineage.task.name
    lake, found = Lake(), {}
    _run(dataset, task, f"{task}/instances", found, patch, until_seen=False)
    for asset in lineage.assets:
        name = "/".join(asset.key.path)
        if name != f"{task}/instances":
            records.append(lake, _record(dataset, name), "{}")
    for asset in lineage.assets:
        _run(dataset, task, "/".join(asset.key.path), found, patch, until_seen=True)
    return found


def selection_ids(dataset: str) -> dict[str, list[str]]:
    """Return by selector the ids of all its selections, on inputs of one fixed state."""
    config = Datasets().config(dataset)
    return {
        each.name: [
            header_of(dataset, each, budget, seed, options_of(each, config), "golden").selection_id
            for budget in config.budgets
            for seed in seeds_of(each, config)
        ]
        for each in selectors_for(config.task)
    }


def wanted() -> dict[str, dict[str, list[str]]]:
    """Return what many configurations ask for: by themselves, and only on demand."""
    found: dict[str, dict[str, list[str]]] = {}
    for task, columns, changes in _configurations():
        said = {"task": task, "files": ["a"], "columns": columns, **changes}
        config = DatasetConfig.model_validate(said)
        lineage = lineage_of(config)
        by_kind = {"wanted": lineage.wanted(config), "on demand": lineage.on_demand(config)}
        found[json.dumps([task, changes])] = {
            kind: sorted("/".join(key.path) for key in keys) for kind, keys in by_kind.items()
        }
    return found


def _configurations() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    columns = {
        "text": {"text": "t", "label": "l"},
        "tabular": {"label": "l"},
        "instructions": {},
        "tokens": {},
    }
    for task, named in columns.items():
        yield task, named, {}
        yield task, named, SECTIONS[task]
        yield task, named, {"training": {"enabled": False}}
        for selector in selectors_for(task):
            yield task, named, {"selectors": [selector.name]}
            if "graph" in selector.options:
                for graph in ("hash", "multiview"):
                    options = {selector.name: {"graph": graph}}
                    yield task, named, {"selectors": [selector.name], "options": options}


def _record(dataset: str, name: str) -> records.Record:
    version = stage.digest_of([name, "golden"])
    return records.Record(
        dataset, name, "golden", version, "1", 1, 1, 0, 0, 0.0, "cpu", "run", DETAILS
    )


def _run(
    dataset: str,
    task: str,
    name: str,
    found: dict[str, Any],
    patch: pytest.MonkeyPatch,
    *,
    until_seen: bool,
) -> None:
    def seen(asset: str, version: str, parameters: Any, versions: Any) -> str:
        digest = real(asset, version, parameters, versions)
        plain = json.loads(json.dumps(parameters))
        found[asset] = {
            "version": version,
            "parameters": plain,
            "reads": sorted(versions),
            "digest": digest,
        }
        if until_seen and not asset.endswith("/instances"):
            raise Seen
        return digest

    real = stage.input_digest
    with patch.context() as inner, dg.DagsterInstance.ephemeral() as instance:
        inner.setattr(stage, "input_digest", seen)
        instance.add_dynamic_partitions(task, [dataset])
        done = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            partition_key=dataset,
            asset_selection=[dg.AssetKey(name.split("/"))],
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if name not in found:
        errors = [
            e.step_failure_data.error.to_string() for e in done.all_events if e.is_step_failure
        ]
        raise AssertionError(f"{name} has not said what its identity is:\n" + "\n".join(errors))
