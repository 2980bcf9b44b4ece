"""Three graph attention networks on 16,384 x 100: ours side by side, torch_geometric's in turn.

Same rows, graph, packs, sizes, dropout, optimiser and epochs on both sides; before the timing,
the same weights must give the same logits. ``python -m benchmarks.gat`` from the root.
"""

from __future__ import annotations

from benchmarks.side_by_side import arguments, interleaved, peak_memory, print_peak, record

# isort: split
from typing import Any

import numpy as np
import torch

from sluice.core.randomness import keyed_uniform
from sluice.graphs.instance_graphs.methods import build
from sluice.heads.out_of_fold import assign_folds
from sluice.scores.graph_attention.attention_layer import Pattern
from sluice.scores.graph_attention.gat import HEADS, HIDDEN, GatConfig, forward, initial_weights
from sluice.scores.graph_attention.gat_training import Table, train
from sluice.scores.graph_attention.subgraph_batches import packs_of

ROWS, COLUMNS, CLASSES, NETWORKS, EPOCHS = 16_384, 100, 5, 3, 3
CONFIG = GatConfig(networks=NETWORKS, epochs=EPOCHS)


def table() -> Table:
    """Gaussian classes that overlap, and the graph `minibatch` of them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, ROWS)
    rows = (rng.normal(size=(CLASSES, COLUMNS)) * 0.3)[labels] + rng.normal(size=(ROWS, COLUMNS))
    rows = rows.astype(np.float32)
    ids = np.array([f"{row:06d}" for row in range(ROWS)])
    folds = assign_folds(ids, folds=NETWORKS)
    packs = packs_of(build("minibatch", ids, rows, labels))
    return Table(rows, labels, CLASSES, folds, keyed_uniform(1, ids), packs)


class Peer(torch.nn.Module):
    """The same network of torch_geometric's layers."""

    def __init__(self) -> None:
        from torch_geometric.nn import GATConv

        super().__init__()
        self.first: Any = GATConv(COLUMNS, HIDDEN, heads=HEADS)
        self.second: Any = GATConv(HEADS * HIDDEN, CLASSES, heads=1)

    def forward(self, rows: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        drop = torch.nn.functional.dropout
        hidden = torch.nn.functional.elu(self.first(drop(rows, 0.5, self.training), edges))
        return self.second(drop(hidden, 0.5, self.training), edges)


def edges_of(pattern: Pattern) -> torch.Tensor:
    """Directed edges as the peer wants them: from the attended row to the attending one."""
    real = pattern.rows != pattern.columns  # it adds self edges by itself
    return torch.stack([pattern.columns[real], pattern.rows[real]])


def peer_trains(data: Table) -> None:
    parts: list[tuple[Any, ...]] = []
    for number in range(len(data.packs)):
        pack = data.packs.pack(number)
        here = pack.positions
        edges = edges_of(Pattern.of(pack))
        parts.append((torch.from_numpy(data.rows[here]), edges, here))
    labels = torch.from_numpy(data.labels)
    for k in range(NETWORKS):
        seen = torch.from_numpy(data.fold_of != k)
        watched = seen & torch.from_numpy(data.chance < 0.1)
        network = Peer()
        adam = torch.optim.Adam(network.parameters(), 5e-3, weight_decay=5e-4)
        for _ in range(EPOCHS):
            network.train()
            for rows, edges, here in parts:
                loss = torch.nn.functional.cross_entropy(
                    network(rows, edges)[(seen & ~watched)[here]],
                    labels[here][(seen & ~watched)[here]],
                )
                adam.zero_grad()
                loss.backward()
                adam.step()
            network.eval()
            with torch.inference_mode():
                for rows, edges, here in parts[:8]:
                    torch.nn.functional.cross_entropy(
                        network(rows, edges)[watched[here]], labels[here][watched[here]]
                    )


def largest_difference(data: Table) -> float:
    """Greatest difference of the logits of both sides with the same weights."""
    weights = initial_weights(NETWORKS, COLUMNS, CLASSES, 0)
    pack = data.packs.pack(0)
    rows, pattern = torch.from_numpy(data.rows[pack.positions]), Pattern.of(pack)
    ours = forward(weights, rows, pattern).logits
    worst = 0.0
    for k in range(NETWORKS):
        network = Peer().eval()
        with torch.no_grad():
            for name in ("first", "second"):
                layer = getattr(network, name)
                layer.lin.weight.copy_(weights[name][k].T)
                layer.att_dst.copy_(weights[f"{name}_source"][k][None])
                layer.att_src.copy_(weights[f"{name}_target"][k][None])
            theirs = network(rows, edges_of(pattern))
        worst = max(worst, float((ours[k] - theirs).abs().max()))
    return worst


def main() -> None:
    options = arguments(__doc__ or "")
    torch.set_num_threads(1)
    data = table()
    if options.peak:
        train(data, CONFIG, "cpu")
        return print_peak()
    difference = largest_difference(data)
    assert difference < 1e-4, f"the logits differ by {difference}"
    our_seconds, peer_seconds, _, _ = interleaved(
        options.rounds, lambda: train(data, CONFIG, "cpu"), lambda: peer_trains(data)
    )
    facts = {
        "logits": f"equal to {difference:.0e} with the same weights",
        "work": f"{NETWORKS} networks, {EPOCHS} epochs of {len(data.packs)} packs, {CLASSES} "
        "classes, validation included",
        "entries": f"{len(data.packs.columns):,}, self edges included",
        "our_peak_memory_mib": round(peak_memory("benchmarks.gat")),
        "data": f"{ROWS} x {COLUMNS}, Gaussian classes; synthetic",
    }
    record(
        "gat",
        "graph attention networks, 16,384 x 100: sluice against torch_geometric's GATConv",
        (our_seconds, peer_seconds),
        facts,
        ["numpy", "torch", "torch-geometric"],
    )


if __name__ == "__main__":
    main()
