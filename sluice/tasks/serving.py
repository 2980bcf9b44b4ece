"""A final model for who has neither its dataset nor a workspace: MLflow's flavour `pyfunc`.

Beside the folder that a learner wrote stand what it takes and answers (signature and example), the
packages that it needs by version, and the code that it is loaded by.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sluice.core import registry
from sluice.data.config import DatasetConfig
from sluice.evaluation.learner import Examples, Given, Learner, Model

ROWS = "sluice.rows"
ABOUT = "sluice.json"
DATA = "data"
NEEDED = (
    *("numpy", "pandas", "pyarrow", "pydantic", "PyYAML", "scipy", "scikit-learn", "skops"),
    *("rich", "mlflow"),
)
"""Packages that every model is loaded with."""
EXAMPLE_ROWS = 3


class Served:
    """A model that answers rows as a caller has them: what MLflow calls."""

    def __init__(self, model: Model, rows: Any, config: DatasetConfig) -> None:
        self._model, self._rows, self._config = model, rows, config

    def predict(self, X: Any, params: dict[str, Any] | None = None) -> Any:
        """Return a data frame with the column ``prediction`` and, of classes, their probabilities.

        Parameters
        ----------
        X : rows as `sluice.select` takes them for the task
        params : dict, optional
            Not used.
        """
        import pandas as pd

        # MLflow makes a frame of a list of texts.
        one_column = getattr(X, "shape", ())[1:] == (1,) and hasattr(X, "iloc")
        given = X.iloc[:, 0] if one_column else X
        texts = self._rows.take(given, None, None, self._config).texts
        return pd.DataFrame(self._model.predictions(unlabelled(texts)))


def unlabelled(texts: Sequence[str]) -> Examples:
    """Return rows of which only the content is known."""
    names = [str(place) for place in range(len(texts))]
    return Examples(names, texts, np.zeros(len(texts), np.int64), ())


def save(learner: Learner, folder: Path, examples: Examples, path: Path) -> None:
    """Write a final model as MLflow loads it.

    Parameters
    ----------
    learner : Learner
        One that is `served`.
    folder : Path
        What `Learner.fit` wrote; it becomes `DATA` of the new one.
    examples : Examples
        Rows of the dataset, of which a few become the example.
    path : Path
        A folder that is not there yet.
    """
    import pandas as pd
    from mlflow.models import infer_signature
    from mlflow.pyfunc import save_model

    config = learner.config
    rows = registry.load(ROWS, config.task)
    about = {
        "learner": _path(type(learner)),
        "rows": _path(rows),
        "config": _path(type(config)),
        "settings": config.model_dump(mode="json", exclude={"selectors", "options"}),
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1, ensure_ascii=False), "utf-8")
    few = examples.at(range(min(EXAMPLE_ROWS, len(examples))))
    given = rows.given_as(list(few.texts))
    shown = pd.DataFrame(given) if isinstance(given, dict) else given
    answered = Served(learner.load(folder), rows, config).predict(shown)
    save_model(
        str(path),
        loader_module="sluice.tasks.serving",
        data_path=str(folder),
        code_paths=[str(Path(__file__).parents[1])],
        signature=infer_signature(shown, answered),
        input_example=shown,
        pip_requirements=[f"{name}=={version(name)}" for name in (*NEEDED, *learner.requirements)],
    )


def _load_pyfunc(folder: str) -> Served:  # pyright: ignore[reportUnusedFunction]
    """Load a model; the name is MLflow's."""
    about = json.loads((Path(folder) / ABOUT).read_text("utf-8"))
    config = _named(about["config"]).model_validate(about["settings"])
    learner: Learner = _named(about["learner"])(Given(config, device=lambda: "auto"))
    return Served(learner.load(Path(folder)), _named(about["rows"]), config)


def _path(kind: type[Any]) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
