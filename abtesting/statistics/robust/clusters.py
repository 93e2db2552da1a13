"""Assignment by clusters, such as shops, regions or classes: cluster-robust comparison of means.

The units of a cluster share its variant and resemble each other, so the clusters are what counts.
With an indicator of the variant as the only regressor the sandwich estimators have closed forms in
each cluster's size and total.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import (
    as_floats,
    require_at_least,
    require_generator,
    require_type,
)
from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.means import compare_numbers
from abtesting.statistics.types import Effect, NotEnoughData, num_of

Floats = NDArray[np.float64]
Variance = Literal["cr0", "cr1", "cr2"]

MANY_CLUSTERS = 40
"""Clusters in both arms together below which an effect warns of `few_clusters`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterTotals:
    """Size and total of each cluster of one arm.

    Attributes:
        sizes: Units of each cluster.
        totals: Sum of the values of each cluster.
    """

    sizes: Floats
    totals: Floats

    def __post_init__(self) -> None:
        for name in ("sizes", "totals"):
            object.__setattr__(self, name, as_floats(name, getattr(self, name)))
        if self.sizes.shape != self.totals.shape:
            raise ValueError(
                f"sizes has {len(self.sizes)} clusters and totals {len(self.totals)}; they must "
                "be equal"
            )
        if (self.sizes < 1).any():
            i = int(np.flatnonzero(self.sizes < 1)[0])
            raise ValueError(f"sizes[{i}] is {self.sizes[i]:g}; a cluster has at least 1 unit")

    @classmethod
    def from_values(cls, values: ArrayLike, clusters: ArrayLike) -> Self:
        """Add up the values of each cluster.

        Args:
            values: One value a unit.
            clusters: Cluster of each unit.

        Examples:
            >>> ClusterTotals.from_values([1.0, 2.0, 6.0], ["a", "a", "b"]).totals
            array([3., 6.])
        """
        array, names = as_floats("values", values), np.asarray(clusters)
        if array.shape != names.shape:
            raise ValueError(
                f"values has shape {array.shape} and clusters {names.shape}; both must have one "
                "entry a unit"
            )
        _, codes = np.unique(names, return_inverse=True)
        return cls(
            sizes=np.bincount(codes).astype(np.float64),
            totals=np.bincount(codes, weights=array).astype(np.float64),
        )

    @property
    def num_clusters(self) -> int:
        """Number of clusters."""
        return len(self.sizes)

    @property
    def num_units(self) -> float:
        """Number of units in all clusters."""
        return float(self.sizes.sum())

    @property
    def mean(self) -> float:
        """Mean over units."""
        return float(self.totals.sum() / self.sizes.sum())

    @property
    def residuals(self) -> Floats:
        """Sum over each cluster's units of the deviations from the mean over units."""
        residuals: Floats = self.totals - self.sizes * self.mean
        # Clusters whose means are equal leave rounding only.
        size = np.abs(self.totals) + np.abs(self.sizes * self.mean)
        return np.where(np.abs(residuals) <= 8 * np.finfo(np.float64).eps * size, 0.0, residuals)


def compare_clusters(
    control: ClusterTotals,
    variant: ClusterTotals,
    *,
    boundary: Boundary,
    variance: Variance = "cr2",
) -> Effect | NotEnoughData:
    """Compare the means over units of two arms that were assigned by clusters.

    Args:
        control: Clusters of the control.
        variant: Clusters of the variant.
        boundary: When the result may be read, and its level; its units are the clusters.
        variance: `cr2`, which is unbiased when units are independent, with the degrees of freedom
            of Bell and McCaffrey; `cr1` is Stata's, `cr0` the sandwich without correction, both
            with as many degrees of freedom as clusters but one.

    Returns:
        The effect, with the warning `few_clusters` below 40; or `too_few_units`, meaning clusters;
        or `zero_variance`.

    References:
        Bell, R. M. & McCaffrey, D. F. (2002). Bias reduction in standard errors for linear
        regression with multi-stage samples. Survey Methodology 28(2).
        Pustejovsky, J. E. & Tipton, E. (2018). Small-sample methods for cluster-robust variance
        estimation and hypothesis testing in fixed effects models. Journal of Business & Economic
        Statistics 36(4), equations 4 and 9.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_clusters(
        ...     ClusterTotals(sizes=[5, 5, 4], totals=[21.0, 33.0, 18.0]),
        ...     ClusterTotals(sizes=[5, 6, 5], totals=[35.0, 37.0, 40.0]),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.difference, 3), round(effect.p_value, 3), effect.warnings
        (1.857, 0.129, ('few_clusters',))
    """
    if variance not in {"cr0", "cr1", "cr2"}:
        raise ValueError(f"variance is {variance!r}; it must be cr0, cr1 or cr2")
    require_type("control", control, ClusterTotals)
    require_type("variant", variant, ClusterTotals)
    too_few = first_look(boundary, control=control.num_clusters, variant=variant.num_clusters)
    if too_few is not None:
        return too_few
    clusters = control.num_clusters + variant.num_clusters
    units = control.num_units + variant.num_units
    factor, df = 1.0, clusters - 1.0
    if variance == "cr1":
        factor = clusters / (clusters - 1) * (units - 1) / (units - 2)
    if variance == "cr2":
        df = _working_df(control, variant)
    variances = [
        factor * _variance_of_mean(arm, adjusted=variance == "cr2") for arm in (control, variant)
    ]
    total = sum(variances) or 1.0
    # The comparison combines degrees of freedom by Satterthwaite's rule; these give back `df`.
    common_df = df * sum((part / total) ** 2 for part in variances)
    return compare_numbers(
        control=control.mean,
        control_variance=variances[0],
        control_df=common_df,
        variant=variant.mean,
        variant_variance=variances[1],
        variant_df=common_df,
        num_units=clusters,
        boundary=boundary,
        method=f"cluster_{variance}",
        warnings=("few_clusters",) if clusters < MANY_CLUSTERS else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WildBootstrap:
    """Outcome of the wild cluster bootstrap.

    Attributes:
        statistic: Difference in cluster-robust standard errors.
        p_value: Share of the draws, from arms without a difference, that are as far from 0.
        num_draws: Draws; all the sign patterns there are if `is_complete`.
        is_complete: Whether the p-value is free of chance.
        method: `wild_cluster_bootstrap`.
    """

    statistic: float
    p_value: float
    num_draws: int
    is_complete: bool
    method: str


def wild_cluster_bootstrap(
    control: ClusterTotals,
    variant: ClusterTotals,
    *,
    num_draws: int,
    rng: np.random.Generator,
) -> WildBootstrap | NotEnoughData:
    """Test "no difference" by flipping the signs of whole clusters, a check where they are few.

    It does not help if one arm has only one or two clusters.

    Args:
        control: Clusters of the control.
        variant: Clusters of the variant.
        num_draws: Random sign patterns; if there are no more than that, each is used once.
        rng: Source of the draws.

    Returns:
        The test; or `too_few_units`, meaning clusters; or `zero_variance`.

    References:
        Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2008). Bootstrap-based improvements for
        inference with clustered errors. Review of Economics and Statistics 90(3), section III.

    Examples:
        >>> test = wild_cluster_bootstrap(
        ...     ClusterTotals(sizes=[5, 5, 4], totals=[21.0, 33.0, 18.0]),
        ...     ClusterTotals(sizes=[5, 6, 5], totals=[35.0, 37.0, 40.0]),
        ...     num_draws=999,
        ...     rng=np.random.default_rng(1),
        ... )
        >>> test.p_value, test.num_draws
        (0.09375, 32)
    """
    require_type("control", control, ClusterTotals)
    require_type("variant", variant, ClusterTotals)
    require_generator(rng)
    require_at_least("num_draws", num_draws, 1)
    if min(control.num_clusters, variant.num_clusters) < 2:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"control has {num_of(control.num_clusters, 'cluster')} and variant "
                f"{variant.num_clusters}; each needs at least 2"
            ),
        )
    variance = _variance_of_mean(control, adjusted=False)
    variance += _variance_of_mean(variant, adjusted=False)
    if variance <= 0:
        return NotEnoughData(
            code="zero_variance", detail="the clusters of each arm all have the same mean"
        )
    statistic = (variant.mean - control.mean) / math.sqrt(variance)
    clusters = control.num_clusters + variant.num_clusters
    complete = clusters - 1 < 63 and 2 ** (clusters - 1) <= num_draws
    if complete:
        # A pattern and its opposite have the same distance from 0: the first sign can stay.
        patterns = np.arange(2 ** (clusters - 1))[:, np.newaxis] >> np.arange(clusters) & 1
        signs = 1.0 - 2.0 * patterns
    else:
        signs = 1.0 - 2.0 * rng.integers(0, 2, size=(num_draws, clusters))
    pooled = (control.totals.sum() + variant.totals.sum()) / (control.num_units + variant.num_units)
    shift, spread = 0.0, 0.0
    split = control.num_clusters
    for arm, arm_signs, sign in (
        (control, signs[:, :split], -1.0),
        (variant, signs[:, split:], 1.0),
    ):
        drawn = arm_signs * (arm.totals - arm.sizes * pooled)
        mean = drawn.sum(axis=1) / arm.num_units
        shift = shift + sign * mean
        residuals = drawn - mean[:, np.newaxis] * arm.sizes
        spread = spread + (residuals**2).sum(axis=1) / arm.num_units**2
    # Squared and multiplied out: a draw without any spread is infinitely far.
    extreme = shift**2 >= statistic**2 * spread * (1 - 1e-9)
    hits = int(np.count_nonzero(extreme))
    count = len(signs)
    return WildBootstrap(
        statistic=statistic,
        p_value=hits / count if complete else (hits + 1) / (count + 1),
        num_draws=count,
        is_complete=complete,
        method="wild_cluster_bootstrap",
    )


def _variance_of_mean(arm: ClusterTotals, *, adjusted: bool) -> float:
    """Return the sandwich variance of an arm's mean, `adjusted` for the fit's use of the data."""
    squares = arm.residuals**2
    if adjusted:
        squares = squares / (1 - arm.sizes / arm.num_units)
    return float(squares.sum()) / arm.num_units**2


def _working_df(control: ClusterTotals, variant: ClusterTotals) -> float:
    """Return the degrees of freedom of the CR2 variance if units are independent and alike.

    The variance is a quadratic form of the residuals with one vector a cluster. The squared trace
    of the matrix of their products over the trace of its square is Satterthwaite's approximation.
    """
    trace, trace_of_square = 0.0, 0.0
    for arm in (control, variant):
        n = arm.num_units
        shares = arm.sizes / n
        trace += 1 / n
        crossed = shares**2 / (1 - shares)
        off_diagonal = float(crossed.sum()) ** 2 - float((crossed**2).sum())
        trace_of_square += (float((shares**2).sum()) + off_diagonal) / n**2
    return trace * trace / trace_of_square
