"""What rows of a table train: a classifier of a family, on the encoded features."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.encoders.tabular import TabularEncoder
from sluice.evaluation.learner import Classifier, Examples, Fitted
from sluice.evaluation.vector_learner import VectorLearner, saved_names
from sluice.heads.fitting import fit_family

FAMILY = "random_forest"
ENCODER_FILE = "encoder.json"


@dataclass(frozen=True)
class TableModel(Classifier):
    """A fitted classifier in its folder, in MLflow's scikit-learn flavour.

    Rows are encoded by its own encoder: the dataset's may have been fitted anew.
    """

    folder: Path

    def answers(self, rows: Examples) -> list[str]:
        """Return the class of each row by name."""
        names, classifier, features = self._read(rows)
        return [names[int(code)] for code in classifier.predict(features)]

    def predictions(self, rows: Examples) -> dict[str, Sequence[Any]]:
        """Return the class of each row and, where the family has them, all probabilities."""
        names, classifier, features = self._read(rows)
        best = [names[int(code)] for code in classifier.predict(features)]
        if not hasattr(classifier, "predict_proba"):
            return {"prediction": best}
        known = [names[int(code)] for code in classifier.classes_]
        likely = np.asarray(classifier.predict_proba(features), dtype=np.float64)
        columns = {f"p({name})": likely[:, at].tolist() for at, name in enumerate(known)}
        return {"prediction": best, **columns}

    def _read(self, rows: Examples) -> tuple[list[str], Any, NDArray[np.float32]]:
        from mlflow.sklearn import load_model

        encoder = TabularEncoder.from_json((self.folder / ENCODER_FILE).read_text("utf-8"))
        return (
            saved_names(self.folder),
            load_model(str(self.folder)),
            encoder.encode(list(rows.texts)),
        )


class TabularLearner(VectorLearner):
    """A random forest, or another family, on the encoded features."""

    default_family: ClassVar[str | None] = FAMILY
    what: ClassVar[str] = "classifiers"
    summary: ClassVar[str] = "A random forest on the encoded features"
    model_summary: ClassVar[str] = (
        "A classifier (a random forest, or `training.family`) fitted on the subset that is best "
        "on validation at the chosen budget, in MLflow's scikit-learn flavour, with the encoder "
        "that its features come from."
    )
    model_reads: ClassVar[tuple[str, ...]] = ("encoder",)
    served: ClassVar[bool] = True

    def model_settings(self, seed: int) -> dict[str, Any]:
        """The family, a seed of its own, and the encoder."""
        return {
            "family": self.config.training.family or FAMILY,
            "seed": self.config.training.seed,
            "encoder": str(self.given.details["encoder"]["encoder"]),
        }

    def fit(
        self,
        rows: Examples,
        names: Sequence[str],
        seed: int,
        folder: Path,
        validation: Examples,
        start: Path | None = None,
    ) -> Fitted:
        """Fit the family to the rows and save it beside its encoder and its classes."""
        if self.given.fitted_encoder is None:
            raise DataError("The encoder of the table is not there; make the learner with it.")
        settings = self.model_settings(seed)
        artifact = self.given.fitted_encoder(settings["encoder"])
        features = TabularEncoder.from_json(artifact).encode(list(rows.texts))
        model = fit_family(
            settings["family"], features, rows.labels, settings["seed"], weight=rows.weights
        )
        _save(model, folder)
        (folder / ENCODER_FILE).write_text(artifact, "utf-8")
        labels = {str(code): name for code, name in enumerate(names)}
        (folder / "config.json").write_text(json.dumps({"id2label": labels}), "utf-8")
        return Fitted(about={"family": settings["family"]}, parameters=settings)

    def load(self, folder: Path) -> TableModel:
        """Return a fitted classifier."""
        return TableModel(folder)


def _save(model: Any, folder: Path) -> None:
    import skops.io
    from mlflow.sklearn import save_model

    # Trusted because it was made here; a type that is not known to skops is named in the file.
    types = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    save_model(
        model,
        str(folder),
        # Else MLflow starts a process to find out.
        pip_requirements=["scikit-learn", "skops"],
        skops_trusted_types=types,
    )
