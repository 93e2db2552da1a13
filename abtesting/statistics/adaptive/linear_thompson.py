"""Contextual Thompson sampling: a Bayesian linear regression of the reward for each variant.

A variant's state is `LinearRewards`, sums over its units that merge like `Moments`: it is updated
in batches, stored as numbers, and put together from parts without loss. For one context its
posterior is a normal distribution of the expected reward, so shares come from `bandits` exactly
and can be logged as propensities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from abtesting.statistics.adaptive.bandit_posteriors import Goal, NormalPosterior
from abtesting.statistics.adaptive.bandits import Allocation, FloorRule, thompson_shares
from abtesting.statistics.arguments import as_floats, require_positive, require_type, require_types
from abtesting.statistics.moments import as_count
from abtesting.statistics.types import NotEnoughData

Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearRewards:
    """Sums over the units of one variant, for contexts of k numbers.

    A column of ones makes an intercept; contexts far from 0 should be scaled first.

    Attributes:
        num_units: Number of units.
        gram: Sum of the products of each pair of context columns.
        products: Sum of each context column times the reward.
        squares: Sum of the squared rewards.

    Examples:
        >>> day_1 = LinearRewards.from_batch([[1.0, 0.0], [1.0, 1.0]], [2.0, 5.0])
        >>> day_2 = LinearRewards.from_batch([[1.0, 2.0]], [8.0])
        >>> (day_1 + day_2).products
        (15.0, 21.0)
    """

    num_units: int
    gram: Matrix
    products: Vector
    squares: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "num_units", as_count("num_units", self.num_units))
        columns = len(self.products)
        if columns == 0 or [len(row) for row in self.gram] != [columns] * columns:
            raise ValueError(
                f"gram is {self.gram!r} and products {self.products!r}; gram must be k rows of k "
                "and products k numbers, with k at least 1"
            )
        as_floats("gram", self.gram, ndim=2)
        as_floats("products", self.products, ndim=1)
        if not 0 <= self.squares < math.inf:
            raise ValueError(f"squares is {self.squares!r}; it must be finite and at least 0")

    @classmethod
    def zero(cls, columns: int) -> Self:
        """Return the state of a variant without units."""
        return cls(
            num_units=0, gram=((0.0,) * columns,) * columns, products=(0.0,) * columns, squares=0.0
        )

    @classmethod
    def from_batch(cls, contexts: ArrayLike, rewards: ArrayLike) -> Self:
        """Sum over units: `contexts` of shape `[n, k]` and `rewards` of shape `[n]`."""
        x, y = as_floats("contexts", contexts, ndim=2), as_floats("rewards", rewards, ndim=1)
        if len(x) != len(y):
            raise ValueError(
                f"contexts has {len(x)} units and rewards {len(y)}; they must be equal"
            )
        return cls(
            num_units=len(y),
            gram=tuple(tuple(row) for row in (x.T @ x).tolist()),
            products=tuple((x.T @ y).tolist()),
            squares=float(y @ y),
        )

    def __add__(self, other: LinearRewards) -> LinearRewards:
        if len(self.products) != len(other.products):
            raise ValueError(
                f"contexts have {len(self.products)} and {len(other.products)} columns; only "
                "equal numbers of columns can be added"
            )
        return LinearRewards(
            num_units=self.num_units + other.num_units,
            gram=tuple(
                tuple(a + b for a, b in zip(left, right, strict=True))
                for left, right in zip(self.gram, other.gram, strict=True)
            ),
            products=tuple(a + b for a, b in zip(self.products, other.products, strict=True)),
            squares=self.squares + other.squares,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearPosterior:
    """Normal posterior of the coefficients of one variant.

    Attributes:
        coefficients: Posterior means.
        covariance: Posterior covariance.
        noise_variance: Variance of a reward around its expectation that was assumed.
        prior_variance: Variance of each coefficient around 0 that was assumed.
        num_units: Units it rests on.
    """

    coefficients: Vector
    covariance: Matrix
    noise_variance: float
    prior_variance: float
    num_units: int

    def at(self, context: Sequence[float]) -> NormalPosterior:
        """Return the posterior of the expected reward of a unit with this context."""
        x = as_floats("context", context, ndim=1)
        if len(x) != len(self.coefficients):
            raise ValueError(
                f"context has {len(x)} numbers; the model has {len(self.coefficients)}"
            )
        if not x.any():
            raise ValueError("context is all 0; it must hold a number other than 0")
        variance = float(x @ np.array(self.covariance) @ x)
        return NormalPosterior(
            mean=float(x @ np.array(self.coefficients)), standard_deviation=math.sqrt(variance)
        )


def linear_posterior(
    rewards: LinearRewards, *, prior_variance: float, noise_variance: float | None = None
) -> LinearPosterior | NotEnoughData:
    """Return the posterior of a variant's coefficients.

    The prior of each coefficient is normal around 0 with `prior_variance`. Without
    `noise_variance` the residual mean square of the variant's own units is used.

    Returns:
        The posterior, or why there is none: `too_few_units` to estimate the noise, or
        `zero_variance` when the contexts explain every reward exactly.

    References:
        Agrawal, S. & Goyal, N. (2013). Thompson sampling for contextual bandits with linear
        payoffs. ICML 30, section 2.

    Examples:
        >>> rewards = LinearRewards.from_batch([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [2, 5, 8.5])
        >>> posterior = linear_posterior(rewards, prior_variance=100.0, noise_variance=1.0)
        >>> [round(c, 2) for c in posterior.coefficients]
        [1.92, 3.24]
    """
    require_type("rewards", rewards, LinearRewards)
    require_positive("prior_variance", prior_variance)
    if noise_variance is not None:
        require_positive("noise_variance", noise_variance)
    gram, products = np.array(rewards.gram), np.array(rewards.products)
    columns = len(products)
    if noise_variance is None:
        if rewards.num_units <= columns:
            return NotEnoughData(
                code="too_few_units",
                detail=(
                    f"{rewards.num_units} units with {columns} columns; estimating the noise "
                    f"needs at least {columns + 1}"
                ),
            )
        fitted = np.linalg.lstsq(gram, products, rcond=None)[0]
        residual = rewards.squares - float(products @ fitted)
        if residual <= 8 * np.finfo(np.float64).eps * rewards.squares:
            return NotEnoughData(
                code="zero_variance",
                detail=f"the contexts explain all {rewards.num_units} rewards exactly",
            )
        noise_variance = residual / (rewards.num_units - columns)
    precision = gram / noise_variance + np.eye(columns) / prior_variance
    covariance = np.linalg.inv(precision)
    covariance = (covariance + covariance.T) / 2
    return LinearPosterior(
        coefficients=tuple((covariance @ products / noise_variance).tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        noise_variance=noise_variance,
        prior_variance=prior_variance,
        num_units=rewards.num_units,
    )


def contextual_shares(
    posteriors: Sequence[LinearPosterior],
    context: Sequence[float],
    *,
    floor: float = 0.0,
    floor_rule: FloorRule = "raise",
    goal: Goal = "largest",
) -> Allocation:
    """Return the Thompson shares of the variants for a unit with this context.

    Drawing coefficients for each variant and showing the best one does the same; the shares here
    are its exact probabilities.

    Examples:
        >>> quiet, keen = (
        ...     linear_posterior(
        ...         LinearRewards.from_batch([[1.0, 0.0], [1.0, 1.0]] * 50, [1.0, last] * 50),
        ...         prior_variance=100.0,
        ...         noise_variance=1.0,
        ...     )
        ...     for last in (1.0, 1.3)
        ... )
        >>> [round(share, 2) for share in contextual_shares([quiet, keen], [1.0, 0.0]).shares]
        [0.5, 0.5]
        >>> [round(share, 2) for share in contextual_shares([quiet, keen], [1.0, 1.0]).shares]
        [0.07, 0.93]
    """
    require_types("posteriors", posteriors, LinearPosterior)
    return thompson_shares(
        [posterior.at(context) for posterior in posteriors],
        floor=floor,
        floor_rule=floor_rule,
        goal=goal,
    )
