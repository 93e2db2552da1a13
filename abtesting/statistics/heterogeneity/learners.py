"""A learner for effects that bend and interact: ridge regression on products of the features.

Effects from an experiment don't need the model to be right, only not to have seen the unit that it
predicts. `treatment_effects` takes this one unless it is given another with the same `fit`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import numpy as np

from abtesting.statistics.adjustment.crossfit import Array, LinearModel, Ridge


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolynomialModel:
    """A linear model of products of standardised features."""

    centre: Array
    scale: Array
    degree: int
    linear: LinearModel

    def predict(self, features: Array) -> Array:
        """Return one prediction per row."""
        return self.linear.predict(_products((features - self.centre) * self.scale, self.degree))


@dataclass(frozen=True, slots=True, kw_only=True)
class Polynomial:
    """Ridge regression on all products of the features up to a degree.

    The penalty is chosen by generalised cross-validation, so that products that explain nothing
    cost little.

    Attributes:
        degree: Highest degree of the products; 2 has squares and interactions of pairs.
        ridge: The regression on the products.

    Examples:
        >>> x = np.linspace(-1, 1, 40)[:, np.newaxis]
        >>> model = Polynomial(degree=2).fit(x, x[:, 0] ** 2)
        >>> model.predict(np.array([[0.5]])).round(3).tolist()
        [0.25]
    """

    degree: int = 2
    ridge: Ridge = field(default_factory=Ridge)

    def __post_init__(self) -> None:
        if self.degree < 1:
            raise ValueError(f"degree is {self.degree!r}; it must be at least 1")

    def fit(self, features: Array, outcomes: Array) -> PolynomialModel:
        """Return the model of these units."""
        centre, spread = features.mean(axis=0), features.std(axis=0)
        # A feature that is the same everywhere says nothing, also where it differs later.
        varies = spread > 1e-12 * np.abs(features).max(axis=0, initial=0.0)
        scale = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0)
        columns = _products((features - centre) * scale, self.degree)
        return PolynomialModel(
            centre=centre, scale=scale, degree=self.degree, linear=self.ridge.fit(columns, outcomes)
        )


def _products(table: Array, degree: int) -> Array:
    columns = range(table.shape[1])
    return np.column_stack(
        [
            table[:, list(chosen)].prod(axis=1)
            for size in range(1, degree + 1)
            for chosen in combinations_with_replacement(columns, size)
        ]
    )
