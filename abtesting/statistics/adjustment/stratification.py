"""Post-stratification: effects from groups that were known before the experiment.

Within each stratum the variants are compared on their own, and the strata are put together with
the shares they have among all units of both variants. What the strata explain of the outcome then
no longer disturbs the comparison, nor does a chance difference in their mix. Strata are attributes
that the experiment can't change (country, device at first sight, new or returning).

With as many dummies as strata less one, `regression` gives much the same; this form needs no
regression, takes the variance of each stratum as it is, and merges strata that are too thin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from abtesting.statistics.arguments import require_at_least, require_list, require_types
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.means import (
    Estimate,
    compare_estimates,
    compare_means,
    degrees_of_freedom,
    estimate_mean,
    satterthwaite,
)
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import compare_ratios, estimate_ratio
from abtesting.statistics.types import Effect, NotEnoughData

MIN_UNITS_PER_CELL = 30
"""Below this the variance of a stratum, and with it the whole error, may hang on a few units."""

Strata = Sequence[tuple[Moments, Moments]]
"""Moments of the control and of the variant, stratum by stratum."""

Score = tuple[int, float, float]
"""Units of a variant in a stratum, their mean and their variance."""

Fallback = Literal["one_stratum", "zero_variance", "no_gain"]
"""Why the unadjusted effect counts: fewer than two strata are left after merging; the units of each
differ in nothing; or the strata don't make the standard error smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifiedEffect:
    """An effect with and without strata.

    Attributes:
        unadjusted: The effect without strata.
        adjusted: The effect with them; `None` if fewer than two are left after merging.
        fallback: Why `effect` is the unadjusted one, or `None` if it is the adjusted one.
        weights: Share of each stratum that was compared.
        groups: Positions of the given strata that make up each of them.
    """

    unadjusted: Effect
    adjusted: Effect | None
    fallback: Fallback | None
    weights: tuple[float, ...]
    groups: tuple[tuple[int, ...], ...]

    @property
    def effect(self) -> Effect:
        """The effect to decide on."""
        if self.adjusted is None or self.fallback is not None:
            return self.unadjusted
        return self.adjusted

    @property
    def variance_reduction(self) -> float:
        """Share of the variance that the strata take away; 0 where the unadjusted effect counts."""
        return 1 - (self.effect.standard_error / self.unadjusted.standard_error) ** 2


def compare_stratified_means(
    strata: Strata, *, boundary: Boundary, min_units_per_cell: int = MIN_UNITS_PER_CELL
) -> StratifiedEffect | NotEnoughData:
    """Compare the means of the first column, stratum by stratum.

    The weights are the shares of the strata among the units that came, so they have an error of
    their own (multinomial). It moves both means alike, which is their covariance; in the
    difference it counts only as far as the effect differs between strata.

    Thin strata are merged by numbers of units alone (see `merge_thin_strata`). The unadjusted
    effect counts where the strata don't make the standard error smaller; like the merging, that
    rule never reads the difference.

    The degrees of freedom are those of the unadjusted comparison, which strata of at least
    `MIN_UNITS_PER_CELL` units in each variant can afford.

    Args:
        strata: Moments of the control and of the variant, stratum by stratum.
        boundary: When the result may be read, and its level.
        min_units_per_cell: Units that each variant needs in a stratum, at least 2.

    Returns:
        Both effects, or why there is none, as `compare_means` gives it.

    Raises:
        ValueError: If there is no stratum or the numbers of columns differ.

    References:
        Miratrix, L. W., Sekhon, J. S. & Yu, B. (2013). Adjusting treatment effect estimates by
        post-stratification in randomized experiments. JRSS B 75(2).
        Xie, H. & Aurisset, J. (2016). Improving the sensitivity of online controlled experiments:
        case studies at Netflix. KDD '16.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> new = Moments.from_array([2.0, 3.0, 1.0, 2.5]), Moments.from_array([3.0, 2.5, 4.0])
        >>> returning = Moments.from_array([9.0, 8.0, 9.5]), Moments.from_array([9.5, 9.0, 11.0])
        >>> result = compare_stratified_means(
        ...     [new, returning], boundary=FixedHorizon(0.05), min_units_per_cell=2
        ... )
        >>> round(result.unadjusted.standard_error, 2), round(result.effect.standard_error, 2)
        (2.06, 0.48)
    """
    control, variant = _totals(strata, columns=1)
    unadjusted = compare_means(control, variant, boundary=boundary)
    if isinstance(unadjusted, NotEnoughData):
        return unadjusted
    groups = merge_thin_strata(strata, min_units_per_cell=min_units_per_cell)
    cells = [_merged(strata, group) for group in groups]
    return _stratified(
        [[(arm.n, arm.mean, _variance(arm)) for arm in cell] for cell in cells],
        groups=groups,
        unadjusted=unadjusted,
        df=_welch_df(estimate_mean(control), estimate_mean(variant)),
        boundary=boundary,
        method="post_stratification",
    )


def compare_stratified_ratios(
    strata: Strata, *, boundary: Boundary, min_units_per_cell: int = MIN_UNITS_PER_CELL
) -> StratifiedEffect | NotEnoughData:
    """Compare ratios of totals with strata; column 0 is the numerator, column 1 the denominator.

    Numerator and denominator are each put together from the strata, then divided; the variance is
    that of `(numerator - ratio * denominator) / mean denominator`, stratum by stratum.

    Arguments, results and errors are those of `compare_stratified_means`.

    References:
        Deng, A., Knoblich, U. & Lu, J. (2018). Applying the delta method in metric analytics.
        KDD '18, section 3. Miratrix et al. (2013), as above.

    Examples:
        >>> import numpy as np
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> rng = np.random.default_rng(3)
        >>> strata = []
        >>> for rate in (0.1, 0.4):
        ...     views = 1 + rng.poisson(5, size=(2, 300))
        ...     clicks = rng.binomial(views, rate)
        ...     tables = (np.column_stack(arm) for arm in zip(clicks, views, strict=True))
        ...     strata.append(tuple(Moments.from_array(table) for table in tables))
        >>> result = compare_stratified_ratios(strata, boundary=FixedHorizon(0.05))
        >>> round(result.variance_reduction, 2)
        0.4
    """
    control, variant = _totals(strata, columns=2)
    unadjusted = compare_ratios(control, variant, boundary=boundary)
    if isinstance(unadjusted, NotEnoughData):
        return unadjusted
    groups = merge_thin_strata(strata, min_units_per_cell=min_units_per_cell)
    cells = [_merged(strata, group) for group in groups]
    num_units = control.n + variant.n
    scores: list[list[Score]] = [[] for _ in cells]
    for i in (0, 1):
        numerator, denominator = (
            sum((cell[0].n + cell[1].n) / num_units * cell[i].means[column] for cell in cells)
            for column in (0, 1)
        )
        if denominator <= 0:
            return NotEnoughData(
                code="zero_denominator",
                detail=(
                    f"the denominators have a mean of {denominator:g} with the strata's weights; "
                    "a ratio needs a mean above 0"
                ),
            )
        ratio = numerator / denominator
        for cell, score in zip(cells, scores, strict=True):
            value = ratio + (cell[i].means[0] - ratio * cell[i].means[1]) / denominator
            score.append((cell[i].n, value, _variance(cell[i], ratio) / denominator**2))
    return _stratified(
        scores,
        groups=groups,
        unadjusted=unadjusted,
        df=_welch_df(estimate_ratio(control), estimate_ratio(variant)),
        boundary=boundary,
        method="post_stratification_delta",
    )


def merge_thin_strata(
    strata: Strata, *, min_units_per_cell: int = MIN_UNITS_PER_CELL
) -> tuple[tuple[int, ...], ...]:
    """Return which strata are compared together.

    A stratum in which either variant has fewer than `min_units_per_cell` units is thin. All thin
    strata become one; if that one is still thin, the smallest of the others joins it, until it is
    not or nothing else is left. Only numbers of units count, so the outcome can't steer it.

    Examples:
        >>> sizes = [(90, 80), (3, 9), (40, 45), (1, 0)]
        >>> strata = [tuple(Moments.constant(n, [0.0]) for n in cell) for cell in sizes]
        >>> merge_thin_strata(strata)
        ((0,), (1, 2, 3))
    """
    # With 1 unit a stratum has no variance.
    require_at_least("min_units_per_cell", min_units_per_cell, 2)
    _require_strata(strata)
    sizes = [(control.n, variant.n) for control, variant in strata]
    thick = [i for i, size in enumerate(sizes) if min(size) >= min_units_per_cell]
    merged = [i for i in range(len(sizes)) if i not in thick]
    while merged and thick:
        if min(sum(sizes[i][arm] for i in merged) for arm in (0, 1)) >= min_units_per_cell:
            break
        smallest = min(thick, key=lambda i: (sum(sizes[i]), i))
        thick.remove(smallest)
        merged.append(smallest)
    groups = [(i,) for i in thick]
    return (*groups, tuple(sorted(merged))) if merged else tuple(groups)


def _require_strata(strata: Strata) -> None:
    require_list("strata", strata)
    if not strata:
        raise ValueError("strata is empty; there must be at least 1 stratum")
    for i, cell in enumerate(strata):
        require_types(f"strata[{i}]", cell, Moments)
        if len(cell) != 2:
            raise ValueError(
                f"strata[{i}] has {len(cell)} moments; it must have 2, of control and variant"
            )


def _totals(strata: Strata, *, columns: int) -> tuple[Moments, Moments]:
    _require_strata(strata)
    for i, cell in enumerate(strata):
        for arm in cell:
            if len(arm.means) != columns:
                raise ValueError(
                    f"strata[{i}] has moments of {len(arm.means)} columns; it must have {columns}"
                )
    return _merged(strata, range(len(strata)))


def _merged(strata: Strata, group: Sequence[int]) -> tuple[Moments, Moments]:
    control, variant = strata[group[0]]
    for i in group[1:]:
        control, variant = control + strata[i][0], variant + strata[i][1]
    return control, variant


def _variance(arm: Moments, ratio: float = 0.0) -> float:
    """Return the variance of the first column, or of `first - ratio * second`."""
    if arm.n < 2:
        return 0.0
    if not ratio:
        return arm.variance
    squares = (
        arm.covariance(0, 0)
        - 2 * ratio * arm.covariance(0, 1)
        + ratio * ratio * arm.covariance(1, 1)
    )
    return max(squares, 0.0)


def _welch_df(control: Estimate, variant: Estimate) -> float:
    total = control.variance + variant.variance
    df = satterthwaite(
        control.variance / total,
        degrees_of_freedom(control),
        variant.variance / total,
        degrees_of_freedom(variant),
    )
    return math.inf if df is None else df


def _stratified(
    cells: Sequence[Sequence[Score]],
    *,
    groups: tuple[tuple[int, ...], ...],
    unadjusted: Effect,
    df: float,
    boundary: Boundary,
    method: str,
) -> StratifiedEffect:
    num_units = sum(n for cell in cells for n, _, _ in cell)
    weights = tuple(sum(n for n, _, _ in cell) / num_units for cell in cells)
    adjusted: Effect | None = None
    fallback: Fallback | None = "one_stratum"
    if len(cells) > 1:
        control, variant, covariance = _estimates(cells, weights, df=df)
        effect = compare_estimates(
            control,
            variant,
            boundary=boundary,
            method=method,
            covariance=covariance,
            warnings=unadjusted.warnings,
        )
        fallback = "zero_variance"
        if isinstance(effect, Effect):
            adjusted = effect
            fallback = None if effect.standard_error < unadjusted.standard_error else "no_gain"
    return StratifiedEffect(
        unadjusted=unadjusted,
        adjusted=adjusted,
        fallback=fallback,
        weights=weights,
        groups=groups,
    )


def _estimates(
    cells: Sequence[Sequence[Score]], weights: Sequence[float], *, df: float
) -> tuple[Estimate, Estimate, float]:
    """Return both stratified means and their covariance."""
    num_units = sum(n for cell in cells for n, _, _ in cell)
    values, noises, deviations = [], [], []
    for i in (0, 1):
        value = sum(w * cell[i][1] for w, cell in zip(weights, cells, strict=True))
        values.append(value)
        noises.append(
            sum(w * w * cell[i][2] / cell[i][0] for w, cell in zip(weights, cells, strict=True))
        )
        deviations.append([cell[i][1] - value for cell in cells])
    # The multinomial variance of the weights, (diag(w) - w w') / N, taken to both means.
    shared = [
        sum(w * a * b for w, a, b in zip(weights, deviations[i], deviations[j], strict=True))
        / num_units
        for i, j in ((0, 0), (1, 1), (0, 1))
    ]
    variances = [noises[0] + shared[0], noises[1] + shared[1]]
    total = sum(variances) - 2 * shared[2]
    # Degrees of freedom of the two that come to `df` for their difference.
    own_df = df * sum(variance**2 for variance in variances) / total**2 if total > 0 else df
    control, variant = (
        Estimate(
            value=values[i],
            variance=variances[i],
            num_units=sum(cell[i][0] for cell in cells),
            df=own_df,
        )
        for i in (0, 1)
    )
    return control, variant, shared[2]
