"""Gradient features: against a plain backward pass, and against per-row gradients by vmap.

1. The default language model (SmolLM2-135M) with LoRA adapters of rank 8 beside every linear
   layer, features of 8,192 numbers, against a plain backward pass of the same batches that gives
   the gradient of the whole batch alone: what is the least that a per-row gradient can cost.
2. A transformer of 2 layers and width 64, the weights of all its attention and MLP layers, against
   ``torch.func.vmap(grad)`` over the rows of the same batches: with the same sparse projection,
   and with the dense Rademacher matrix of LESS, kept in memory, as a further peer.

Rows are real: the shipped sample of instructions. float32 on both sides, one thread, interleaved.

``python -m benchmarks.gradients`` from the root of the repository; ``--model`` names a folder of
the default model that was converted already.
"""

from __future__ import annotations

from benchmarks.side_by_side import cpu_seconds

# isort: split
import argparse
import platform
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from benchmarks.side_by_side import RESULTS
from sluice.encoders.batches import longest_first, token_batches
from sluice.language.checkpoint import CausalModel
from sluice.language.pairs import Pair, tokenise
from sluice.language.response_loss import backward, response_batch
from sluice.language.smollm2 import convert_default
from sluice.language.training import lora
from sluice.language.training.linear_layers import block_layers
from sluice.language.training.lora_gradients import DIMENSION, MAX_TOKENS, GradientFeatures

SAMPLE = Path("datasets/evals_instructions/evals_instructions.parquet")
ROWS, SMALL_ROWS, SEED = 32, 64, 0


def rows_of(tokenizer: Any, count: int, most: int) -> list[Pair]:
    """Real rows of at most `most` tokens, drawn by a seed."""
    every = pq.read_table(SAMPLE).to_pylist()
    order = np.random.default_rng(SEED).permutation(len(every))
    pairs = [tokenise(tokenizer, every[i]["messages"], 512, end=True) for i in order.tolist()]
    return [pair for pair in pairs if len(pair) <= most][:count]


def batches_of(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The batches that the features are made of."""
    lengths = np.array([len(pair) for pair in pairs])
    order = longest_first(lengths)
    return [[pairs[i] for i in order[part]] for part in token_batches(lengths[order], MAX_TOKENS)]


def plain(model: Any, batches: list[list[Pair]]) -> None:
    """The gradient of each batch as a whole."""
    for batch in batches:
        model.zero_grad(set_to_none=True)
        backward(model, response_batch(batch), 1.0)


def dense_projection(
    features: GradientFeatures,
) -> Callable[[str, torch.Tensor, torch.Tensor], None]:
    """A matrix of signs for each layer, applied as a product."""
    generator = torch.Generator().manual_seed(SEED)
    signs = {
        name: torch.randint(0, 2, (layer.weight.numel(), DIMENSION), generator=generator).float()
        * 2
        - 1
        for name, layer in features.layers.items()
    }
    return lambda name, block, to: to.add_(block.flatten(1) @ signs[name], alpha=DIMENSION**-0.5)


def by_vmap(
    model: Any,
    batches: list[list[Pair]],
    features: GradientFeatures,
    add: Callable[[str, torch.Tensor, torch.Tensor], Any],
) -> np.ndarray:
    """Per-row gradients of the same loss by torch.func, projected alike."""
    chosen = {f"{name}.weight" for name in features.layers}
    weights = {n: p.detach() for n, p in model.named_parameters() if n in chosen}
    frozen = {n: p.detach() for n, p in model.named_parameters() if n not in weights}

    def loss(adapters: Any, ids: Any, targets: Any) -> Any:
        logits = torch.func.functional_call(
            model, {**frozen, **adapters}, (), {"input_ids": ids[None], "use_cache": False}
        ).logits[0]
        chances = logits[:-1].log_softmax(1).gather(1, ids[1:, None])[:, 0]
        return -(chances * targets).sum() / targets.sum()

    gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    found = []
    for batch in batches:
        packed = response_batch(batch)
        targets = torch.zeros(packed.ids.shape)
        targets[packed.rows, packed.columns + 1] = 1.0
        of_rows = gradients(weights, packed.ids, targets[:, 1:])
        total = torch.zeros(len(batch), features.projection.dimension)
        for name in features.layers:
            add(name, of_rows[f"{name}.weight"], total)
        found.append(total.numpy())
    return np.concatenate(found)


def interleaved(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each side."""
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            spent[name].append(cpu_seconds(run)[0])
    return {name: median(values) for name, values in spent.items()}


def large(folder: Path, rounds: int) -> list[str]:
    loaded = CausalModel(folder, dtype="float32", device="cpu").load()
    model = lora.attach(loaded.model)
    pairs = rows_of(loaded.tokenizer, ROWS, 512)
    batches = batches_of(pairs)
    features = GradientFeatures(model, DIMENSION)
    sides = {"ours": lambda: features.of(pairs), "plain": lambda: plain(model, batches)}
    features.of(pairs[:2])
    spent = interleaved(sides, rounds)
    tokens = sum(map(len, pairs))
    return [
        f"1. SmolLM2-135M, LoRA rank 8 beside all linear layers, {ROWS} rows, {tokens:,} tokens, "
        f"{DIMENSION:,} numbers a row",
        f"   ours {ROWS / spent['ours']:.3f} rows a CPU second, plain minibatch backward "
        f"{ROWS / spent['plain']:.3f}: {spent['plain'] / spent['ours']:.2f} of its rate (goal 0.7)",
    ]


def small(rounds: int) -> list[str]:
    import sys

    sys.path.insert(0, "tests")
    from tiny_language_model import save_tiny_model

    with tempfile.TemporaryDirectory() as folder:
        made = save_tiny_model(Path(folder) / "model", layers=2, width=64)
        loaded = CausalModel(made, dtype="float32", device="cpu").load()
    # vmap takes neither the fused attention nor its mask
    loaded.model.set_attn_implementation("eager")
    model = loaded.model
    pairs = rows_of(loaded.tokenizer, SMALL_ROWS, 200)
    batches = batches_of(pairs)
    features = GradientFeatures(model, DIMENSION, layers=block_layers(model))
    mine = features.of(pairs)[longest_first(np.array([len(pair) for pair in pairs]))]
    sparse, dense = features.projection.add, dense_projection(features)
    theirs = by_vmap(model, batches, features, sparse)
    apart = np.linalg.norm(mine - theirs, axis=1) / np.linalg.norm(theirs, axis=1)
    spent = interleaved(
        {
            "ours": lambda: features.of(pairs),
            "vmap": lambda: by_vmap(model, batches, features, sparse),
            "dense": lambda: by_vmap(model, batches, features, dense),
        },
        rounds,
    )
    rate = {name: SMALL_ROWS / seconds for name, seconds in spent.items()}
    return [
        f"2. 2 layers, width 64, all weights of attention and MLP, {SMALL_ROWS} rows, "
        f"{DIMENSION:,} numbers a row",
        f"   ours {rate['ours']:.1f} rows a CPU second; vmap(grad) with the same sparse projection "
        f"{rate['vmap']:.1f}: {rate['ours'] / rate['vmap']:.1f} times (goal 3, not reached: the "
        "two share forward, backward and a projection that costs little)",
        f"   vmap(grad) with LESS's dense projection {rate['dense']:.1f}: "
        f"{rate['ours'] / rate['dense']:.1f} times",
        f"   largest relative difference of a row: {apart.max():.1e} in float32 (goal 1e-3; "
        "float64 to 1e-5 is a unit test)",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of the converted default model")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or convert_default(Path(folder) / "model")
        lines = ["Gradient features, float32, one thread, CPU; medians of interleaved rounds"]
        lines += small(options.rounds)
        print("\n".join(lines), flush=True)
        lines[1:1] = large(model, options.rounds)
    lines += [
        f"  rounds: {options.rounds}; seed {SEED}",
        "  command: python -m benchmarks.gradients",
        f"  versions: python {platform.python_version()}, torch {version('torch')}, transformers "
        f"{version('transformers')}, peft {version('peft')}",
        f"  date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]
    text = "\n".join(lines) + "\n"
    (RESULTS / "gradients.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
