"""Estimates with standard errors for switchbacks: Horvitz-Thompson and Newey-West.

`horvitz_thompson` needs nothing but the coins of the design: it is unbiased whatever the outcomes
do over time, and wide. `newey_west` is the usual regression with an error that allows for
correlation between periods: narrower, and sound only with many blocks. Decide by
`switchback.randomisation_test`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from abtesting.statistics.adaptive.doubly_robust import as_arms
from abtesting.statistics.arguments import as_floats, require_alpha, require_finite
from abtesting.statistics.time.switchback import SwitchbackDesign, check_periods, exposed
from abtesting.statistics.types import Interval, NotEnoughData

FEW_BLOCKS = 40
"""Below this number of blocks standard errors are themselves uncertain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchbackEffect:
    """Effect of having the variant on for good, rather than the control, per period.

    Attributes:
        difference: The estimate.
        standard_error: Its standard error.
        interval: Interval at level 1 - alpha.
        p_value: Two-sided p-value of 0.
        num_periods: Periods that count.
        num_blocks: Blocks they are from.
        df: Degrees of freedom of the t distribution; `None` for the normal one.
        lag: Periods over which correlation is allowed for; `None` where no assumption is made.
        ols_standard_error: Error if periods were independent with one variance; `None` as `lag`.
        hc0_standard_error: Error if they were independent; `None` as `lag`.
        method: `horvitz_thompson` or `newey_west`.
        alpha: Two-sided level.
        warnings: `few_blocks` below 40.
    """

    difference: float
    standard_error: float
    interval: Interval
    p_value: float
    num_periods: int
    num_blocks: int
    df: float | None
    lag: int | None
    ols_standard_error: float | None
    hc0_standard_error: float | None
    method: str
    alpha: float
    warnings: tuple[str, ...]


def horvitz_thompson(
    design: SwitchbackDesign,
    outcomes: ArrayLike,
    schedule: ArrayLike,
    *,
    baseline: float = 0.0,
    alpha: float = 0.05,
) -> SwitchbackEffect | NotEnoughData:
    """Weight each period by 1 over the probability that its last `carryover` + 1 were all the same.

    The variance is an unbiased estimate of an upper bound: products of what one group of periods
    does under the variant and another under the control are never seen together and are replaced by
    half the sum of their squares.

    Args:
        design: The design the schedule was drawn from.
        outcomes: Outcome of each period.
        schedule: 1 where the variant was on, 0 where the control was.
        baseline: Outcome to expect, subtracted first. The estimate stays unbiased with any number
            that was fixed before (last month's mean), and is far less noisy with a good one.
        alpha: Two-sided level.

    Returns:
        The effect, or why there is none: `no_exposure` or `zero_variance`.

    References:
        Bojinov, I., Simchi-Levi, D. & Zhao, J. (2023). Design and analysis of switchback
        experiments. Management Science 69(7), section 2.3 and corollary 1.

    Examples:
        >>> from abtesting.statistics.time.switchback import regular_design
        >>> design = regular_design(8, block_length=2, carryover=1)
        >>> outcomes = [5.0, 6.0, 8.0, 9.0, 9.0, 8.0, 6.0, 5.0]
        >>> result = horvitz_thompson(design, outcomes, [0, 0, 1, 1, 1, 1, 0, 0], baseline=7.0)
        >>> round(result.difference, 3), round(result.standard_error, 3)
        (2.857, 2.241)
    """
    require_alpha(alpha)
    require_finite("baseline", baseline)
    y, on = check_periods(design, outcomes, schedule)
    blocks, counted = design.blocks, np.arange(design.carryover, design.num_periods)
    # Periods that depend on the same coins move together: one group each.
    spans = np.column_stack([blocks[counted - design.carryover], blocks[counted]])
    groups, member = np.unique(spans, axis=0, return_inverse=True)
    sums = np.bincount(member.ravel(), weights=y[counted] - baseline)
    first, last = groups[:, 0], groups[:, 1]
    inverse = 2.0 ** (last - first + 1)
    rows = np.unique(member.ravel(), return_index=True)[1]
    masks = [exposed(state[np.newaxis], design.carryover)[0][counted[rows]] for state in (on, ~on)]
    if not (masks[0].any() or masks[1].any()):
        return NotEnoughData(
            code="no_exposure",
            detail=f"no period has {design.carryover} periods of the same variant before it",
        )
    common = np.minimum.outer(last, last) - np.maximum.outer(first, first) + 1
    overlap = common > 0
    union = (last - first + 1)[:, np.newaxis] + (last - first + 1) - np.maximum(common, 0)
    variance = 0.0
    for mask in masks:
        seen = np.where(mask, sums, 0.0)
        pairs = np.outer(seen, seen) * 2.0**union * (2.0 ** np.maximum(common, 0) - 1)
        variance += float(pairs[overlap].sum())
        variance += float((overlap.sum(axis=1) * np.square(seen) * inverse).sum())
    estimate = float((sums * inverse) @ (masks[0].astype(float) - masks[1])) / len(counted)
    if variance <= 0:
        return NotEnoughData(
            code="zero_variance", detail="the bound on the variance is not above 0; use more blocks"
        )
    return _effect(
        estimate,
        math.sqrt(variance) / len(counted),
        df=None,
        alpha=alpha,
        num_periods=int((masks[0] | masks[1])[member.ravel()].sum()),
        num_blocks=len(design.block_starts),
        method="horvitz_thompson",
    )


def newey_west(
    outcomes: ArrayLike,
    schedule: ArrayLike,
    *,
    carryover: int = 0,
    lag: int | None = None,
    num_blocks: int | None = None,
    alpha: float = 0.05,
) -> SwitchbackEffect | NotEnoughData:
    """Compare the means of the periods that count, with a Newey-West error (Bartlett weights).

    Periods with another variant within the last `carryover`, and the first `carryover`, are left
    out; the time between those that stay remains what it was.

    Args:
        outcomes: Outcome of each period.
        schedule: 1 where the variant was on, 0 where the control was.
        carryover: Number of periods for which an earlier variant is still felt.
        lag: Periods over which correlation is allowed for. Without it the larger of
            4 (T / 100)^(2/9) and the average run of one variant, beyond which the coins make the
            products cancel.
        num_blocks: Coins that were tossed; runs of one variant without it. The interval is that
            of the t distribution with 2 fewer.
        alpha: Two-sided level.

    Returns:
        The effect, or why there is none: `no_exposure`, `too_few_blocks` or `zero_variance`.

    References:
        Newey, W. K. & West, K. D. (1987). A simple, positive semi-definite, heteroskedasticity and
        autocorrelation consistent covariance matrix. Econometrica 55(3).
        Newey, W. K. & West, K. D. (1994). Automatic lag selection in covariance matrix estimation.
        Review of Economic Studies 61(4).

    Examples:
        >>> result = newey_west(
        ...     [5.0, 6.0, 8.0, 9.0, 9.0, 8.0, 6.0, 5.0], [0, 0, 1, 1, 0, 0, 1, 1], lag=2
        ... )
        >>> result.difference, round(result.standard_error, 3)
        (0.0, 1.384)
    """
    require_alpha(alpha)
    y = as_floats("outcomes", outcomes)
    on = as_arms("schedule", schedule, num_arms=2) == 1
    if len(y) != len(on):
        raise ValueError(
            f"there are {len(y)} outcomes and {len(on)} periods in the schedule; they must be equal"
        )
    require_finite("carryover", carryover)
    if not 0 <= carryover < max(len(y), 1):
        raise ValueError(f"carryover is {carryover!r}; it must be from 0 to {len(y) - 1}")
    if lag is not None and not 0 <= lag < len(y):
        raise ValueError(f"lag is {lag!r}; it must be from 0 to {len(y) - 1}")
    treated, untreated = (exposed(state[np.newaxis], carryover)[0] for state in (on, ~on))
    counts = int(treated.sum()), int(untreated.sum())
    if min(counts) == 0:
        return NotEnoughData(
            code="no_exposure",
            detail=f"{counts[0]} periods of the variant and {counts[1]} of the control count",
        )
    runs = 1 + int((on[1:] != on[:-1]).sum())
    blocks = runs if num_blocks is None else num_blocks
    if blocks < 4:
        return NotEnoughData(
            code="too_few_blocks", detail=f"there are {blocks} blocks; an interval needs 4"
        )
    if lag is None:
        lag = max(math.floor(4 * (len(y) / 100) ** (2 / 9)), math.ceil(len(y) / runs))
        lag = min(lag, len(y) - 1)
    difference = float(y[treated].mean() - y[untreated].mean())
    residuals = np.zeros(len(y))
    for mask in (treated, untreated):
        residuals[mask] = y[mask] - y[mask].mean()
    # What a period adds to the difference of the means; 0 for one that doesn't count.
    influence = residuals * (treated / counts[0] - untreated / counts[1])
    hc0 = float(influence @ influence)
    variance = hc0 + 2 * sum(
        (1 - distance / (lag + 1)) * float(influence[distance:] @ influence[:-distance])
        for distance in range(1, lag + 1)
    )
    num_periods = sum(counts)
    scale = max(abs(float(y.max())), abs(float(y.min())))
    if num_periods < 3 or math.sqrt(max(variance, 0.0)) <= np.finfo(np.float64).eps * scale:
        return NotEnoughData(
            code="zero_variance", detail="the periods of each variant have one and the same outcome"
        )
    pooled = float(residuals @ residuals) / (num_periods - 2)
    return _effect(
        difference,
        math.sqrt(variance),
        df=blocks - 2,
        alpha=alpha,
        num_periods=num_periods,
        num_blocks=blocks,
        method="newey_west",
        lag=lag,
        ols=math.sqrt(pooled * (1 / counts[0] + 1 / counts[1])),
        hc0=math.sqrt(hc0),
    )


def _effect(
    difference: float,
    standard_error: float,
    *,
    df: float | None,
    alpha: float,
    num_periods: int,
    num_blocks: int,
    method: str,
    lag: int | None = None,
    ols: float | None = None,
    hc0: float | None = None,
) -> SwitchbackEffect:
    z = abs(difference / standard_error)
    if df is None:
        critical, p_value = -float(special.ndtri(alpha / 2)), 2 * float(special.ndtr(-z))
    else:
        critical = -float(special.stdtrit(df, alpha / 2))
        p_value = 2 * float(special.stdtr(df, -z))
    half_width = critical * standard_error
    return SwitchbackEffect(
        difference=difference,
        standard_error=standard_error,
        interval=Interval(difference - half_width, difference + half_width),
        p_value=p_value,
        num_periods=num_periods,
        num_blocks=num_blocks,
        df=df,
        lag=lag,
        ols_standard_error=ols,
        hc0_standard_error=hc0,
        method=method,
        alpha=alpha,
        warnings=("few_blocks",) if num_blocks < FEW_BLOCKS else (),
    )
