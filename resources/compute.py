"""The device that heavy work runs on."""

import os
import resource
import shutil
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
        if self.device == "cpu" or (self.device == "auto" and not may_have_gpu()):
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


def may_have_gpu() -> bool:
    """Whether this may be a machine with an NVIDIA device, as far as can be told without torch.

    On Linux the driver makes a file; elsewhere it brings the program `nvidia-smi`.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if sys.platform == "linux":
        return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()
    return shutil.which("nvidia-smi") is not None


# Runs take turns on the GPU. Where there is none, nothing is to wait for.
GPU_POOL = "gpu" if may_have_gpu() else None


def peak_memory_mib() -> float:
    """Return the largest resident size of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
