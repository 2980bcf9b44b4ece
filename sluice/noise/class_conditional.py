"""Rows of a table moved to their given class, the rest of them kept.

Ours. Classes are taken as normal distributions with means ``mu_c`` and one covariance. The
optimal transport between two of them is the shift by the difference of their means; it keeps what
sets a row apart within its class, which is the structure that an edit is to preserve. What class
a row is now is not known but for its probabilities ``p_c(x)``, so the edit is the expected shift
``x' = x + mu_y - sum_c p_c(x) mu_c``: none where the row looks like its given class, the whole
difference where it looks like another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import checked_labels, checked_vectors
from sluice.core.errors import ConfigError, DataError
from sluice.data.values.one_column import unique_ids
from sluice.heads.out_of_fold import assign_folds
from sluice.noise.echo_mod import Modified


@dataclass(frozen=True)
class ClassConditional:
    """An `EchoMod` that shifts rows between normal distributions of one covariance.

    Attributes
    ----------
    folds : int
        Means and probabilities of a row come from the other folds, or its own label would pull
        both towards itself. At least 2.
    seed : int
        Of the folds, with the ids.
    """

    folds: int = 5
    seed: int = 0

    def modify(
        self,
        x: NDArray[np.floating],
        y: NDArray[np.int64],
        *,
        ids: NDArray[np.str_],
        content: Sequence[str] | None = None,
    ) -> Modified:
        """Shift every row to its given class.

        Parameters
        ----------
        x : ndarray of float, shape (n, d)
            Numbers of about equal scale around 0, such as those of
            `sluice.encoders.tabular.TabularEncoder`: cosines of rows depend on both.
        y : ndarray of int64, shape (n,)
        ids : ndarray of str, shape (n,)
        content : None
            Not read.

        Returns
        -------
        Modified
            float64.

        Raises
        ------
        DataError
            Shapes do not fit, a class has all its rows in one fold, or there is one class only.
        ConfigError
            `folds` is below 2.

        Notes
        -----
        scikit-learn's linear discriminant analysis with the Ledoit-Wolf shrinkage, once a fold:
        n d^2 + d^3 each.
        """
        if self.folds < 2:
            raise ConfigError(f"folds is {self.folds}; give at least 2.")
        rows = checked_vectors("The rows", x).astype(np.float64)
        labels = checked_labels(y, len(rows))
        names = unique_ids(ids, len(rows))
        classes = np.unique(labels)
        if len(classes) < 2:
            raise DataError("All rows have one class, so there is nowhere to move them from.")
        order = np.argsort(names, kind="stable")
        fold_of = assign_folds(names[order], folds=self.folds, seed=self.seed)
        result = np.empty_like(rows)
        for fold in np.unique(fold_of):
            train, held = order[fold_of != fold], order[fold_of == fold]
            seen = np.unique(labels[train])
            if len(seen) < len(classes):
                lost = int(np.setdiff1d(classes, seen)[0])
                raise DataError(
                    f"All rows of class {lost} are in one fold, so nothing tells where that class "
                    "is; give more rows of it, or another seed."
                )
            own = np.searchsorted(classes, labels[held])
            result[held] = rows[held] + _shift(rows[train], labels[train], rows[held], own)
        return Modified(result)


def _shift(
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    held: NDArray[np.float64],
    own: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Mean of the given class less the mean expected of the row."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model: Any = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x, y)
    means = np.asarray(model.means_, dtype=np.float64)
    p = np.asarray(model.predict_proba(held), dtype=np.float64)
    return means[own] - p @ means
