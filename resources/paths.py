"""Where things lie: the workspace, its data, and what Sluice writes."""

import os
from pathlib import Path

from sluice.language.smollm2 import default_folder

WORKSPACE = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Return the folder of everything that is written, `$SLUICE_HOME` or `.sluice`."""
    return Path(os.environ.get("SLUICE_HOME") or WORKSPACE / ".sluice").resolve()


def datasets_root() -> Path:
    """Return the folder of the datasets, `$SLUICE_DATASETS` or `datasets`."""
    return Path(os.environ.get("SLUICE_DATASETS") or WORKSPACE / "datasets").resolve()


def searches_root() -> Path:
    """Return the folder of searches that are under way, below `home`."""
    return home() / "searches"


def models_root() -> Path:
    """Return the folder of models that are made once a machine, `$SLUICE_MODELS` or the cache."""
    return default_folder().parent


def weights_roots() -> tuple[Path, ...]:
    """Return the folders of weights that stages keep, each below under a name of its own."""
    return adapters_root(), encoders_root(), taggers_root()


def adapters_root() -> Path:
    """Return the folder of warmed-up adapters of language models, below `home`."""
    return home() / "adapters"


def encoders_root() -> Path:
    """Return the folder of encoders that were trained further, below `home`."""
    return home() / "encoders"


def taggers_root() -> Path:
    """Return the folder of taggers that rate sentences, below `home`."""
    return home() / "taggers"
