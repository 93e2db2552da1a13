"""Predictions of the outcome as a covariate, without a unit predicting itself.

A model can make one good covariate out of many pre-period features (CUPAC, MLRATE). Trained on the
units that it predicts it would fit their noise, and the adjusted error would be too small. Here
every unit is predicted by a model that was trained on other units. The predictions then go into
`regression` as a column like any other: its slope corrects a poor model, down to no use of it.

The features must be fixed before the unit met the experiment. The model sees units of both
variants and not which is which. A model trained on data from before the experiment needs none of
this: its predictions are pre-period features themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import as_floats, require_at_least, require_generator
from abtesting.statistics.types import NotEnoughData

Array = NDArray[np.float64]

PENALTIES = tuple(10.0**power for power in range(-4, 6))
"""Penalties that the ridge regression tries, per unit and for features of unit variance."""


class Model(Protocol):
    """Something that predicts outcomes."""

    def predict(self, features: Array) -> Array:
        """Return one prediction per row."""


class Learner(Protocol):
    """Something that learns a model; scikit-learn's regressors fit through a two-line adapter."""

    def fit(self, features: Array, outcomes: Array) -> Model:
        """Return a model of the outcomes; it must keep no reference to earlier fits."""


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A constant and one coefficient per feature."""

    constant: float
    coefficients: tuple[float, ...]

    def predict(self, features: Array) -> Array:
        """Return one prediction per row."""
        return np.asarray(self.constant + features @ np.array(self.coefficients))


@dataclass(frozen=True, slots=True)
class Ridge:
    """Ridge regression on standardised features; the penalty is chosen by cross-validation.

    Generalised cross-validation needs one decomposition for all penalties, so a fit costs about as
    much as least squares.

    Attributes:
        penalties: Penalties to choose from, per unit.

    References:
        Golub, G. H., Heath, M. & Wahba, G. (1979). Generalized cross-validation as a method for
        choosing a good ridge parameter. Technometrics 21(2).

    Examples:
        >>> features = np.array([[1.0, 5.0], [2.0, 1.0], [3.0, 4.0], [4.0, 2.0], [5.0, 3.0]])
        >>> model = Ridge(penalties=(1e-9,)).fit(features, 10 + 2 * features[:, 0])
        >>> model.predict(np.array([[10.0, 3.0]])).round(3).tolist()
        [30.0]
    """

    penalties: tuple[float, ...] = PENALTIES

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0:
            raise ValueError(f"penalties are {self.penalties!r}; there must be some, all above 0")

    def fit(self, features: Array, outcomes: Array) -> LinearModel:
        """Return the linear model with the penalty of the least cross-validated error."""
        num_units = len(outcomes)
        centre, scale = features.mean(axis=0), features.std(axis=0)
        varies = scale > 1e-12 * np.abs(features).max(axis=0, initial=0.0)
        scale = np.where(varies, scale, 1.0)
        standardised = np.where(varies, (features - centre) / scale, 0.0)
        mean = float(outcomes.mean())
        left, singular, right = np.linalg.svd(standardised, full_matrices=False)
        rotated = left.T @ (outcomes - mean)
        unexplained = float(np.sum((outcomes - mean) ** 2) - np.sum(rotated**2))
        best, best_error = singular, np.inf
        for penalty in self.penalties:
            kept = singular**2 / (singular**2 + penalty * num_units)
            error = (unexplained + np.sum(((1 - kept) * rotated) ** 2)) / (
                num_units - 1 - np.sum(kept)
            ) ** 2
            if error < best_error:
                best, best_error = kept, float(error)
        inverse = np.divide(best, singular, out=np.zeros_like(best), where=singular > 0)
        coefficients = (right.T @ (inverse * rotated)) / scale
        return LinearModel(mean - float(centre @ coefficients), tuple(coefficients.tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFit:
    """Predictions to use as a covariate.

    Attributes:
        predictions: One per row.
        folds: Fold of each row; its model was trained on the other folds.
        r_squared: Share of the outcome's variance that the predictions explain, below 0 where they
            are worse than its mean. About what the adjustment will take off the variance.
    """

    predictions: Array
    folds: NDArray[np.int64]
    r_squared: float


def cross_fit(
    features: ArrayLike,
    outcomes: ArrayLike,
    *,
    rng: np.random.Generator,
    units: ArrayLike | None = None,
    num_folds: int = 5,
    learner: Learner | None = None,
) -> CrossFit | NotEnoughData:
    """Predict every row by a model that was trained on the units of the other folds.

    Args:
        features: Pre-period features of shape `[n]` or `[n, k]`, rows of both variants together.
        outcomes: Outcome of each row.
        rng: Draws the folds.
        units: Unit of each row where a unit can have several; all its rows fall in one fold.
            Without it every row is a unit.
        num_folds: Number of folds, at least 2.
        learner: What learns the models; ridge regression without it.

    Returns:
        The predictions, or `too_few_units` with fewer than 2 units per fold.

    Raises:
        ValueError: If lengths differ, a value is not finite, or the learner returns something that
            is not one finite prediction per row.

    References:
        Guo, Y., Coey, D., Konutgan, M., Li, W., Schoener, C. & Goldman, M. (2021). Machine
        learning for variance reduction in online experiments. NeurIPS 34.
        Tang, Y., Huang, C., Kastelman, D. & Bauman, J. (2020). Control using predictions as
        covariates in switchback experiments. DoorDash (CUPAC).

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> features = rng.normal(size=(500, 3))
        >>> outcomes = features @ [1.0, 2.0, 0.0] + rng.normal(size=500)
        >>> result = cross_fit(features, outcomes, rng=rng)
        >>> round(result.r_squared, 2)
        0.82
    """
    y = as_floats("outcomes", outcomes)
    num_rows = len(y)
    x = as_floats("features", features, ndim=(1, 2))
    x = x[:, np.newaxis] if x.ndim == 1 else x
    if len(x) != num_rows:
        raise ValueError(f"features has shape {x.shape}; it must be [{num_rows}] or [n, k]")
    folds = assign_folds(num_rows, rng=rng, units=units, num_folds=num_folds)
    if isinstance(folds, NotEnoughData):
        return folds
    fitted = Ridge() if learner is None else learner
    predictions = np.empty(num_rows)
    for fold in range(num_folds):
        inside = folds == fold
        predicted = np.asarray(fitted.fit(x[~inside], y[~inside]).predict(x[inside]))
        if predicted.shape != (int(inside.sum()),) or not np.isfinite(predicted).all():
            raise ValueError(
                f"the learner's predictions have shape {predicted.shape}; they must be "
                f"{int(inside.sum())} finite numbers"
            )
        predictions[inside] = predicted
    total = float(np.sum((y - y.mean()) ** 2))
    unexplained = float(np.sum((y - predictions) ** 2))
    return CrossFit(
        predictions=predictions,
        folds=folds,
        r_squared=1 - unexplained / total if total > 0 else 0.0,
    )


def assign_folds(
    num_rows: int,
    *,
    rng: np.random.Generator,
    units: ArrayLike | None = None,
    num_folds: int = 5,
) -> NDArray[np.int64] | NotEnoughData:
    """Return a fold for each row: equal numbers of units in each, a unit in one fold only.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> folds = assign_folds(6, rng=rng, units=["a", "a", "b", "c", "c", "d"], num_folds=2)
        >>> bool(folds[0] == folds[1]), bool(folds[3] == folds[4])
        (True, True)
    """
    require_generator(rng)
    require_at_least("num_rows", num_rows, 0)
    require_at_least("num_folds", num_folds, 2)
    codes = np.arange(num_rows)
    if units is not None:
        labels = np.asarray(units)
        if labels.shape != (num_rows,):
            raise ValueError(f"units has shape {labels.shape}; it must be [{num_rows}]")
        codes = np.unique(labels, return_inverse=True)[1]
    num_units = int(codes.max(initial=-1)) + 1
    if num_units < 2 * num_folds:
        return NotEnoughData(
            code="too_few_units",
            detail=f"there are {num_units} units; {num_folds} folds need {2 * num_folds}",
        )
    of_unit = rng.permutation(np.arange(num_units) % num_folds)
    return of_unit[codes].astype(np.int64)
