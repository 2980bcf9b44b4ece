"""The step that Adam would take on one row: LESS's preconditioned gradient."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sluice.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    import torch

Formula = Literal["less", "corrected"]
FORMULAS: tuple[Formula, ...] = ("less", "corrected")
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's defaults, which LESS fixes."""


def check_formula(formula: str) -> None:
    """Refuse an unknown formula.

    Raises
    ------
    ConfigError
        If it is none of `FORMULAS`.
    """
    if formula not in FORMULAS:
        raise ConfigError(f"Unknown formula {formula!r}. Known: {', '.join(FORMULAS)}.")


def adam_direction(
    gradient: torch.Tensor,
    m: torch.Tensor,
    v: torch.Tensor,
    step: int,
    formula: Formula = "less",
) -> torch.Tensor:
    """Direction of the next Adam step if it were taken on one row's gradient g alone.

    With m' = b1 m + (1 - b1) g and v' = b2 v + (1 - b2) g^2,

    - ``less``: m' / sqrt(v' + eps), as the code of LESS (Xia et al. 2024, arXiv:2402.04333)
      computes it: without bias correction, and with eps under the root;
    - ``corrected``: (m' / (1 - b1^t)) / (sqrt(v' / (1 - b2^t)) + eps) with t = step + 1, as Adam
      itself (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1).

    Parameters
    ----------
    gradient : Tensor, shape (b, ...) or (...)
        Of one parameter, for each row; not projected.
    m, v : Tensor, shape (...)
        First and second moment after `step` steps.
    step : int
        Steps taken so far, at least 0.
    formula : {"less", "corrected"}

    Returns
    -------
    Tensor of the gradient's shape
        Points the way of the gradient; a step goes against it.
    """
    first = _blend(gradient, m, BETA1)
    second = _blend(gradient.square(), v, BETA2)
    if formula == "less":
        return first.div_(second.add_(EPSILON).sqrt_())
    first.div_(1 - BETA1 ** (step + 1))
    second.div_(1 - BETA2 ** (step + 1))
    return first.div_(second.sqrt_().add_(EPSILON))


def _blend(new: torch.Tensor, old: torch.Tensor, keep: float) -> torch.Tensor:
    """Return ``keep * old + (1 - keep) * new`` as a new tensor."""
    return (new * (1 - keep)).add_(old, alpha=keep)


@dataclass(frozen=True)
class AdamMoments:
    """What Adam remembers of a fine-tuning.

    Attributes
    ----------
    moments : mapping of str to (m, v)
        By parameter name, as `named_parameters` of the peft model gives it; tensors of the
        parameter's shape, float32.
    step : int
        Steps taken.
    """

    moments: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    step: int

    def save(self, file: Path) -> None:
        """Write a safetensors file."""
        from safetensors.torch import save_file

        tensors = {
            f"{kind}:{name}": value.contiguous().cpu()
            for name, pair in self.moments.items()
            for kind, value in zip("mv", pair, strict=True)
        }
        save_file(tensors, file, metadata={"adam": json.dumps({"step": self.step})})

    @classmethod
    def load(cls, file: Path) -> AdamMoments:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            The file is no such file.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(file, framework="pt") as opened:
                step = int(json.loads((opened.metadata() or {})["adam"])["step"])
                tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise DataError(
                f"{str(file)!r} holds no Adam moments ({error}). Run the warm-up again."
            ) from error
        names = sorted(key[2:] for key in tensors if key.startswith("m:"))
        return cls({name: (tensors[f"m:{name}"], tensors[f"v:{name}"]) for name in names}, step)
