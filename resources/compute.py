"""The device that heavy work runs on."""

import resource
import sys
from pathlib import Path
from typing import Literal

import dagster as dg
from pydantic import Field


class Compute(dg.ConfigurableResource):
    """Which device models and searches use; resolved in the step, never at import."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto takes CUDA where there is a GPU, and the CPU otherwise."
    )

    def resolve(self) -> str:
        """Return `cuda` or `cpu`."""
        # Loading torch takes a CPU second, which a small change does not need to cost.
        if self.device == "cpu" or (self.device == "auto" and not _may_have_gpu()):
            return "cpu"
        import torch

        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        if self.device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError(
                "The resource `compute` asks for cuda, but torch sees no GPU; set its device to "
                "auto or cpu, or install the GPU build with `make setup EXTRA=gpu`."
            )
        return self.device


def _may_have_gpu() -> bool:
    """Whether this may be a machine with an NVIDIA device: on Linux the driver makes a file."""
    if sys.platform != "linux":
        return True
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


def peak_memory_mib() -> float:
    """Return the largest resident size of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
