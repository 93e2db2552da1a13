"""Effects in segments that were declared before the data came in, and whether they differ at all.

Cut an experiment often enough and some segment will look special. So the first question is the
interaction test: could one common effect explain all segments? Single segments are then judged
with Holm's correction, and shrunk towards the common effect, which is the better guess for a small
segment. "No evidence of a difference" is an answer, and the usual one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from abtesting.statistics.arguments import require_mapping, require_probability, shown
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.programme.shrinkage import (
    ShrunkEffect,
    heterogeneity,
    pooled_mean,
    shrink_effects,
)
from abtesting.statistics.types import Effect, Interval, NotEnoughData

Outcome = Literal["segments_differ", "no_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """One segment.

    Attributes:
        segment: Its name.
        effect: The comparison inside it, not corrected for the number of segments.
        adjusted_p_value: Holm's p-value over all segments.
        is_significant: Whether the segment has an effect of its own at level alpha, by Holm.
        shrunk: The effect as far as it can be told from the common one; `None` below 4 segments,
            where nothing can be said about how much effects vary.
    """

    segment: str
    effect: Effect
    adjusted_p_value: float
    is_significant: bool
    shrunk: ShrunkEffect | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentAnalysis:
    """All segments of one metric.

    Attributes:
        segments: Those with a result, in the order given.
        left_out: Those without, and why.
        common_difference: Inverse-variance mean of the differences.
        common_standard_error: Its standard error if all segments have one effect.
        common_interval: Its interval.
        interaction_statistic: Cochran's Q of the differences.
        interaction_df: Number of segments minus 1.
        interaction_p_value: Probability of segments this far apart if all have one effect.
        i_squared: Share of the spread of the differences that is not sampling error.
        outcome: `segments_differ` if the interaction test rejects at level alpha, else
            `no_evidence`.
        method: `cochran_q_holm`.
        alpha: Level of the interaction test and of Holm's procedure.
    """

    segments: tuple[SegmentEffect, ...]
    left_out: tuple[tuple[str, NotEnoughData], ...]
    common_difference: float
    common_standard_error: float
    common_interval: Interval
    interaction_statistic: float
    interaction_df: int
    interaction_p_value: float
    i_squared: float
    outcome: Outcome
    method: str
    alpha: float


def analyse_segments(
    effects: Mapping[str, Effect | NotEnoughData], *, alpha: float = 0.05
) -> SegmentAnalysis | NotEnoughData:
    """Compare the effects of the segments, which must share no unit.

    The interaction is tested on the scale of the difference, the one that decides. Where a lift
    is the same everywhere but the control values differ, differences differ too.

    The test takes the standard errors as known, which asks for some tens of units in each arm of a
    segment, and of successes for rates.

    Args:
        effects: Result of each declared segment, all from the same comparison and boundary.
        alpha: Level of the interaction test and of Holm's procedure.

    Returns:
        The analysis, or `too_few_segments` if fewer than 2 have a result.

    References:
        Cochran, W. G. (1954). The combination of estimates from different experiments. Biometrics
        10(1).
        Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian
        Journal of Statistics 6(2).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> from abtesting.statistics.moments import Counts
        >>> from abtesting.statistics.proportions import compare_proportions
        >>> effects = {
        ...     name: compare_proportions(
        ...         Counts(num_units=4000, num_successes=x_c),
        ...         Counts(num_units=4000, num_successes=x_t),
        ...         boundary=FixedHorizon(0.05),
        ...     )
        ...     for name, x_c, x_t in [("new", 200, 210), ("returning", 400, 480)]
        ... }
        >>> analysis = analyse_segments(effects)
        >>> round(analysis.interaction_p_value, 4), analysis.outcome
        (0.0408, 'segments_differ')
        >>> [round(s.adjusted_p_value, 4) for s in analysis.segments]
        [0.6122, 0.0085]
    """
    require_probability("alpha", alpha)
    require_mapping("effects", effects)
    for name, effect in effects.items():
        if not isinstance(effect, Effect | NotEnoughData):
            raise ValueError(
                f"effects[{name!r}] is {shown(effect)}; it must be an Effect or NotEnoughData"
            )
    found = {name: effect for name, effect in effects.items() if isinstance(effect, Effect)}
    for trait in ("method", "boundary", "alpha"):
        values = sorted({str(getattr(effect, trait)) for effect in found.values()})
        if len(values) > 1:
            raise ValueError(f"effects have {trait} {', '.join(values)}; it must be the same")
    if len(found) < 2:
        return NotEnoughData(
            code="too_few_segments",
            detail=f"{len(found)} of {len(effects)} segments has a result; comparing needs 2",
        )
    differences = np.array([effect.difference for effect in found.values()])
    errors = np.array([effect.standard_error for effect in found.values()])
    # In units of the smallest error, whose square could leave the float range.
    unit = float(errors.min())
    y, v = differences / unit, np.square(errors / unit)
    statistic, i_squared = heterogeneity(y, v)
    common, variance = pooled_mean(y, v, 0.0)
    p_value = float(special.chdtrc(len(found) - 1, statistic))
    shrinkage = shrink_effects(differences.tolist(), errors.tolist(), level=1 - alpha)
    shrunk: tuple[ShrunkEffect | None, ...] = (None,) * len(found)
    if not isinstance(shrinkage, NotEnoughData):
        shrunk = shrinkage.effects
    adjusted = adjust([effect.p_value for effect in found.values()], method="holm")
    standard_error = unit * math.sqrt(variance)
    half_width = -float(special.ndtri(alpha / 2)) * standard_error
    return SegmentAnalysis(
        segments=tuple(
            SegmentEffect(
                segment=name,
                effect=effect,
                adjusted_p_value=p,
                is_significant=p < alpha,
                shrunk=shrunk[i],
            )
            for i, ((name, effect), p) in enumerate(zip(found.items(), adjusted, strict=True))
        ),
        left_out=tuple(
            (name, effect) for name, effect in effects.items() if isinstance(effect, NotEnoughData)
        ),
        common_difference=unit * common,
        common_standard_error=standard_error,
        common_interval=Interval(unit * common - half_width, unit * common + half_width),
        interaction_statistic=statistic,
        interaction_df=len(found) - 1,
        interaction_p_value=p_value,
        i_squared=i_squared,
        outcome="segments_differ" if p_value < alpha else "no_evidence",
        method="cochran_q_holm",
        alpha=alpha,
    )
