"""The methods as a sampler of scikit-learn: in pipelines of imbalanced-learn and grid searches."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

# A class is what it inherits from; nothing but this module's users imports it.
from imblearn.base import SamplerMixin  # noqa: TID253
from imblearn.utils import check_target_type  # noqa: TID253
from imblearn.utils._tags import InputTags, SamplerTags, Tags  # noqa: TID253
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin  # noqa: TID253
from sklearn.utils import TargetTags, _safe_indexing, check_random_state  # noqa: TID253
from sklearn.utils.multiclass import check_classification_targets  # noqa: TID253
from sklearn.utils.validation import check_consistent_length, validate_data  # noqa: TID253

from sluice.api.selection import select, warn_of_indices
from sluice.core.errors import SluiceError
from sluice.data.values.one_column import ids_of
from sluice.subsets.contract import Selection
from sluice.tasks.caller_rows import Encoder
from sluice.tasks.tabular.caller_rows import column_names


class SubsetSelector(OneToOneFeatureMixin, SamplerMixin, BaseEstimator):
    """Keep the rows that a method of Sluice picks, see `sluice.select`.

    It balances no classes: of a method with a class floor each class keeps a row, and the shares
    are the method's own.

    Parameters
    ----------
    method : str
        See `sluice.methods`.
    budget : int, float, str or None
        A count, a share or a percentage; None for what the method keeps by itself.
    task : str
        ``"tabular"``, ``"text"``, ``"instructions"`` or ``"tokens"``: how `X` is read.
    random_state : int, RandomState instance or None
        Seed of the methods that use one. An int gives the same rows in any order of them.
    options : mapping of str to object, optional
        Of the method.
    settings : mapping, optional
        Sections of `dataset.yaml`, see `sluice.select`.
    encoder : object, optional
        With ``encode(texts)``, for tasks of texts.
    language_model : str or Path, optional
        Folder of a causal language model, for the task instructions.

    Attributes
    ----------
    sample_indices_ : ndarray of int64, shape (b,)
        Positions of the kept rows, in rank order.
    sample_weight_ : ndarray of float64, shape (b,)
        How much each kept row counts in training: 1 where the method weighs none.
    selection_ : Selection
        With gain and reason of each.
    n_features_in_ : int
        Of an `X` with columns, and ``feature_names_in_`` where these have names.

    Notes
    -----
    Errors are `ValueError`, as scikit-learn has them, with the text of Sluice's own.

    Examples
    --------
    >>> from sluice.sklearn import SubsetSelector
    >>> X, y = [[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1]
    >>> X_kept, y_kept = SubsetSelector(method="k_medoids", budget=2).fit_resample(X, y)
    >>> sorted(y_kept)
    [0, 1]
    """

    def __init__(
        self,
        method: str = "k_center",
        budget: int | float | str | None = 0.1,
        *,
        task: str = "tabular",
        random_state: Any = 0,
        options: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        encoder: Encoder | None = None,
        language_model: str | Path | None = None,
    ) -> None:
        self.method = method
        self.budget = budget
        self.task = task
        self.random_state = random_state
        self.options = options
        self.settings = settings
        self.encoder = encoder
        self.language_model = language_model

    # The mixin's have further parameters of any name, and read none of them.
    def fit(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, X: Any, y: Any = None, *, ids: Sequence[Hashable] | None = None
    ) -> Self:
        """Pick the rows.

        Parameters
        ----------
        X : of n rows
            What `sluice.select` takes: an array, a data frame, texts, dicts, a sparse matrix.
        y : array-like of n labels, optional
            Also as one column, or binary with a column a class. Needed by methods that read
            labels.
        ids : sequence of n, optional
            Unique names that key what is random, see `sluice.select`.

        Returns
        -------
        SubsetSelector
            Itself.

        Raises
        ------
        ValueError
            The rows, the labels or a parameter cannot be used.
        """
        self._check_rows(X)
        labels = None
        if y is not None:
            check_classification_targets(y)
            check_consistent_length(X, y)
            warn_of_indices(X, y)
            labels, _ = cast("tuple[Any, bool]", check_target_type(y, indicate_one_vs_all=True))
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        try:
            self.selection_: Selection = select(
                self._unnamed(X),
                labels,
                task=self.task,
                method=self.method,
                budget=self.budget,
                seed=int(seed),
                ids=ids,
                encoder=self.encoder,
                language_model=self.language_model,
                settings=self.settings,
                **dict(self.options or {}),
            )
            names = None if ids is None else ids_of(ids, len(ids))
        except SluiceError as error:
            raise ValueError(str(error)) from error
        self.sample_indices_: NDArray[np.int64] = _positions(self.selection_.ids, names)
        self.sample_weight_: NDArray[np.float64] = self.selection_.weights
        return self

    def fit_resample(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, X: Any, y: Any = None, *, ids: Sequence[Hashable] | None = None
    ) -> tuple[Any, Any]:
        """Pick the rows and return them.

        Parameters
        ----------
        X, y, ids
            See `fit`.

        Returns
        -------
        X, y : of b rows
            Of the type given, a data frame with its index; y is None where none was given.

        Raises
        ------
        ValueError
            See `fit`.
        """
        at = self.fit(X, y, ids=ids).sample_indices_
        return _safe_indexing(X, at), None if y is None else _safe_indexing(y, at)

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        """Pick the rows and return them: what the mixin asks of its samplers."""
        return self.fit_resample(X, y, **params)

    def _check_rows(self, X: Any) -> None:
        """Check a matrix as scikit-learn does, and remember its columns."""
        if hasattr(X, "iloc") and hasattr(X, "columns"):
            validate_data(self, X, skip_check_array=True)
        elif _is_matrix(X):
            validate_data(
                self,
                X,
                accept_sparse=True,
                dtype=None,
                ensure_all_finite="allow-nan",
                ensure_min_samples=2,
            )

    def _unnamed(self, X: Any) -> Any:
        """Take the names off columns of numbers: to scikit-learn a frame of them is an array."""
        kinds = getattr(X, "dtypes", ())
        if not hasattr(X, "set_axis") or "columns" in (self.settings or {}):
            return X
        if not all(getattr(kind, "kind", "O") in "fiu" for kind in kinds):
            return X
        return X.set_axis(column_names(X.shape[1]), axis=1)

    def __sklearn_tags__(self) -> Any:
        """Say what it takes: any table, missing values, labels where the method needs them."""
        return Tags(
            estimator_type="sampler",
            target_tags=cast("Any", TargetTags(required=False)),
            input_tags=InputTags(
                sparse=True, string=True, allow_nan=True, dataframe=True, categorical=True
            ),
            sampler_tags=SamplerTags(sample_indices=True),
        )


def _is_matrix(X: Any) -> bool:
    """Whether rows are numbers or cells, and not texts, dicts or an Arrow table."""
    if hasattr(X, "toarray"):
        return True
    if isinstance(X, np.ndarray):
        return not (X.ndim == 1 and X.dtype.kind in "UO")
    if isinstance(X, list | tuple) and len(X):
        return not isinstance(X[0], str | bytes | Mapping)
    return hasattr(X, "__array__") and getattr(X, "ndim", 1) == 2


def _positions(kept: NDArray[Any], names: NDArray[np.str_] | None) -> NDArray[np.int64]:
    """Return where the kept rows are."""
    if names is None:
        return np.asarray(kept, dtype=np.int64)
    order = np.argsort(names, kind="stable")
    return order[np.searchsorted(names[order], kept)].astype(np.int64)
