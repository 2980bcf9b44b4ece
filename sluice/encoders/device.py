"""Where a model runs, and how it is loaded without noise."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sluice.core.errors import ConfigError


def check_device(name: str) -> None:
    """Refuse a device name that means nothing, without importing torch.

    Raises
    ------
    ConfigError
        If `name` is none of ``auto``, ``cpu``, ``cuda`` and ``cuda:<number>``.
    """
    kind, _, number = name.partition(":")
    if name in ("auto", "cpu", "cuda") or (kind == "cuda" and number.isdigit()):
        return
    raise ConfigError(f"Unknown device {name!r}. Known: auto, cpu, cuda, cuda:<number>.")


def pick_device(name: str) -> str:
    """Name of the device to run on.

    Parameters
    ----------
    name : str
        ``auto`` takes CUDA where there is one.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If the name is unknown, or CUDA is asked for and absent.
    """
    import torch

    check_device(name)
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name != "cpu" and not torch.cuda.is_available():
        raise ConfigError(
            f"Device {name!r} was asked for, but torch sees no CUDA device. Use 'auto' or 'cpu'."
        )
    return name


@contextmanager
def quiet_loading() -> Generator[None]:
    """Keep transformers from drawing bars, and from reporting that a classifier's head is new."""
    from transformers.utils import logging

    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()
