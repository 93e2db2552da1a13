"""From traffic to duration: how many days a plan takes, and what each duration can find.

An experiment counts a unit on the first day it comes. Of the shoppers of the first day all are new
to it, of those of the tenth many have been seen, so new units per day fall, and twice the time
brings less than twice the units. `Traffic` says how many new units each day brings: from a rate, or
from the daily numbers of new units that a past experiment saw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from abtesting.statistics.arguments import (
    as_floats,
    require_at_least,
    require_finite,
    require_list,
    require_positive,
    require_type,
    require_weights,
    shown,
)
from abtesting.statistics.types import NotEnoughData

P = TypeVar("P")

DAYS_PER_WEEK = 7
MAX_DAYS = 731
"""Two years: a longer experiment compares variants of a shop that no longer exists."""


@runtime_checkable
class Sized(Protocol):
    """Any plan: something that says how many units it needs."""

    @property
    def total_num_units(self) -> int:
        """Units of all arms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """New units on each day of an experiment, day 0 first.

    Attributes:
        known_days: New units on the days that are known one by one, not rounded.
        units_per_week: New units in the first week after those days.
        weekday_shares: Share of a week's units on each of its days, from the weekday after the
            known days on; 7 numbers that sum to 1.
        weekly_factor: What becomes of the week's number from each week to the next: below 1 as
            fewer and fewer are new, above 1 with growing traffic.
    """

    known_days: tuple[float, ...] = ()
    units_per_week: float
    weekday_shares: tuple[float, ...] = (1 / DAYS_PER_WEEK,) * DAYS_PER_WEEK
    weekly_factor: float = 1.0

    def __post_init__(self) -> None:
        _require_days_of_units("known_days", self.known_days)
        require_at_least("units_per_week", self.units_per_week, 0)
        shares = self.weekday_shares
        if (
            len(shares) != DAYS_PER_WEEK
            or not all(share >= 0 for share in shares)
            or abs(math.fsum(shares) - 1) > 1e-9
        ):
            raise ValueError(
                f"weekday_shares are {shares!r}; they must be 7, at least 0 each, and sum to 1"
            )
        require_at_least("weekly_factor", self.weekly_factor, 0)
        if self.weekly_factor > 10:
            raise ValueError(f"weekly_factor is {self.weekly_factor!r}; it must be from 0 to 10")

    @classmethod
    def at_rate(
        cls,
        units_per_day: float,
        *,
        weekday_weights: Sequence[float] | None = None,
        weekly_growth: float = 0.0,
        weekly_returning: float = 0.0,
    ) -> Traffic:
        """Return traffic that comes at a rate.

        Args:
            units_per_day: New units on an average day of the first week.
            weekday_weights: Weight of each day of the week, from the weekday of day 0 on, of any
                sum; without it all days are alike.
            weekly_growth: Growth of the traffic from week to week (0.02 is 2 %).
            weekly_returning: Share of a week's units that have been seen before, added from week
                to week: with 0.1 each week has 90 % of the new units of the week before.

        Examples:
            >>> Traffic.at_rate(1000.0).cumulative(10)
            10000.0
            >>> round(Traffic.at_rate(1000.0, weekly_returning=0.5).cumulative(21))
            12250
        """
        weights = [1.0] * DAYS_PER_WEEK if weekday_weights is None else weekday_weights
        require_at_least("units_per_day", units_per_day, 0)
        require_weights("weekday_weights", weights)
        if len(weights) != DAYS_PER_WEEK:
            raise ValueError(f"weekday_weights are {list(weights)!r}; they must be 7")
        require_finite("weekly_growth", weekly_growth)
        require_at_least("weekly_returning", weekly_returning, 0)
        if not -1 < weekly_growth <= 9:
            raise ValueError(f"weekly_growth is {weekly_growth!r}; it must be above -1, at most 9")
        if weekly_returning >= 1:
            raise ValueError(
                f"weekly_returning is {weekly_returning!r}; it must be at least 0 and below 1"
            )
        total = math.fsum(weights)
        return cls(
            units_per_week=units_per_day * DAYS_PER_WEEK,
            weekday_shares=tuple(weight / total for weight in weights),
            weekly_factor=(1 + weekly_growth) * (1 - weekly_returning),
        )

    @classmethod
    def from_history(cls, new_units: Sequence[float]) -> Traffic | NotEnoughData:
        """Return the traffic that a past experiment of the same kind saw.

        The days it ran are taken as they were. After them comes the last week's pattern, each week
        smaller than the one before by the ratio of the last two whole weeks (not larger: what grew
        last week need not grow for ever).

        Args:
            new_units: New units on each day since its start; whole days, at least 14.

        Returns:
            The traffic, or why there is none: `too_few_days` or `no_units` in the last two weeks.

        Examples:
            >>> traffic = Traffic.from_history([900.0] * 7 + [450.0] * 7)
            >>> traffic.cumulative(14), traffic.cumulative(21), traffic.cumulative(28)
            (9450.0, 11025.0, 11812.5)
        """
        _require_days_of_units("new_units", new_units)
        if len(new_units) < 2 * DAYS_PER_WEEK:
            return NotEnoughData(
                code="too_few_days",
                detail=f"the history has {len(new_units)} days; a trend needs {2 * DAYS_PER_WEEK}",
            )
        last = [float(number) for number in new_units[-DAYS_PER_WEEK:]]
        before = [float(number) for number in new_units[-2 * DAYS_PER_WEEK : -DAYS_PER_WEEK]]
        last_week, week_before = math.fsum(last), math.fsum(before)
        if last_week <= 0 or week_before <= 0:
            return NotEnoughData(
                code="no_units",
                detail=(
                    f"the last two weeks of the history have {week_before:g} and {last_week:g} new "
                    "units; a trend needs some in both"
                ),
            )
        factor = min(last_week / week_before, 1.0)
        return cls(
            known_days=tuple(float(number) for number in new_units),
            units_per_week=last_week * factor,
            weekday_shares=tuple(number / last_week for number in last),
            weekly_factor=factor,
        )

    def scaled(self, share: float) -> Traffic:
        """Return the traffic when only a share of the units takes part (or 2 for twice as many)."""
        require_positive("share", share)
        return Traffic(
            known_days=tuple(number * share for number in self.known_days),
            units_per_week=self.units_per_week * share,
            weekday_shares=self.weekday_shares,
            weekly_factor=self.weekly_factor,
        )

    def ramped(self, shares: Sequence[float]) -> Traffic:
        """Return the traffic when only a share of the units takes part on each of the first days.

        Those who are left out on a day are not expected to come as new ones later.

        Args:
            shares: Of day 0, day 1, and so on, from 0 to 1; after them everybody takes part.

        Examples:
            >>> Traffic.at_rate(1000.0).ramped([0.01, 0.1, 0.1, 0.5]).cumulative(7)
            3710.0
        """
        for i, share in enumerate(as_floats("shares", shares)):
            if not 0 <= share <= 1:
                raise ValueError(f"shares[{i}] is {float(share)!r}; it must be from 0 to 1")
        num_weeks = math.ceil(max(len(shares) - len(self.known_days), 0) / DAYS_PER_WEEK)
        num_known = len(self.known_days) + num_weeks * DAYS_PER_WEEK
        kept = [*shares, *[1.0] * (num_known - len(shares))]
        numbers = self.daily(num_known) if num_known else ()
        return Traffic(
            known_days=tuple(number * share for number, share in zip(numbers, kept, strict=False)),
            units_per_week=self.units_per_week * self.weekly_factor**num_weeks,
            weekday_shares=self.weekday_shares,
            weekly_factor=self.weekly_factor,
        )

    def daily(self, num_days: int) -> tuple[float, ...]:
        """Return the new units of each of the first days."""
        _require_days(num_days)
        numbers = list(self.known_days[:num_days])
        for day in range(num_days - len(numbers)):
            week, weekday = divmod(day, DAYS_PER_WEEK)
            numbers.append(
                self.units_per_week * self.weekly_factor**week * self.weekday_shares[weekday]
            )
        return tuple(numbers)

    def cumulative(self, num_days: int) -> float:
        """Return the units that have come by the end of a number of days."""
        return math.fsum(self.daily(num_days))


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """How long it takes.

    Attributes:
        num_days: Whole days, those of follow-up included.
        num_units: Units that will have come by then.
        needed_num_units: Units that are needed.
        enrolment_days: Days on which new units are taken in.
    """

    num_days: int
    num_units: float
    needed_num_units: float
    enrolment_days: int

    @property
    def num_weeks(self) -> float:
        """The same in weeks."""
        return self.num_days / DAYS_PER_WEEK


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationRow(Generic[P]):
    """What one duration buys.

    Attributes:
        num_days: Days the experiment runs.
        num_units: Units that will have come, all arms together.
        plan: The plan with that many units.
    """

    num_days: int
    num_units: float
    plan: P


def duration(
    traffic: Traffic,
    num_units: float | Sized,
    *,
    whole_weeks: bool = True,
    follow_up_days: int = 0,
    max_days: int = MAX_DAYS,
) -> Duration | NotEnoughData:
    """Return after how many days a plan has its units.

    Args:
        traffic: New units per day.
        num_units: Units of all arms that are needed, or the plan that needs them.
        whole_weeks: Round up to weeks, so that every weekday counts as often as the others.
        follow_up_days: Days that the last unit is still watched, as a metric of the 14 days after
            the exposure needs them. They come on top; no units are enrolled in them.
        max_days: Longest enrolment that is looked at; 28 for "at most four weeks".

    Returns:
        The duration, or `too_little_traffic` if the units don't come within `max_days`.

    Examples:
        >>> from abtesting.statistics.planning.power_proportions import plan_proportions
        >>> plan = plan_proportions(control_rate=0.05, lift=0.2, power=0.8)
        >>> plan.total_num_units
        16316
        >>> weekends = Traffic.at_rate(1000.0, weekday_weights=(1, 1, 1, 1, 1, 2, 2))
        >>> duration(weekends, plan).num_days
        21
        >>> duration(weekends, plan, whole_weeks=False).num_days
        17
        >>> duration(weekends, plan, follow_up_days=14).num_days
        35
    """
    require_type("traffic", traffic, Traffic)
    needed = num_units.total_num_units if isinstance(num_units, Sized) else num_units
    require_positive("num_units", needed)
    _require_days(max_days, name="max_days")
    if follow_up_days not in range(MAX_DAYS + 1):
        raise ValueError(
            f"follow_up_days is {shown(follow_up_days)}; it must be a whole number from 0 to "
            f"{MAX_DAYS}"
        )
    total = 0.0
    numbers = traffic.daily(max_days)
    for day, number in enumerate(numbers, start=1):
        total += number
        # Sums of shares of a week may miss a whole number by a rounding error.
        if total < needed * (1 - 1e-12):
            continue
        enrolled = day
        if whole_weeks:
            enrolled = math.ceil(day / DAYS_PER_WEEK) * DAYS_PER_WEEK
        return Duration(
            num_days=enrolled + follow_up_days,
            num_units=traffic.cumulative(enrolled),
            needed_num_units=needed,
            enrolment_days=enrolled,
        )
    return NotEnoughData(
        code="too_little_traffic",
        detail=f"{needed:g} units are needed; {total:g} will have come in {max_days} days",
    )


def detectable_by_duration(
    traffic: Traffic,
    plan_of: Callable[[float], P],
    *,
    num_days: Sequence[int] = (7, 14, 21, 28, 42, 56),
) -> tuple[DurationRow[P], ...]:
    """Return what each duration can find: the table from which a duration is chosen.

    Durations in which no unit comes are left out.

    Args:
        traffic: New units per day.
        plan_of: Returns the plan with a number of units of all arms, such as
            `lambda n: plan_means(variance=81.0, control_mean=5.0, num_units=n, power=0.8)`.
        num_days: Durations to look at.

    Examples:
        >>> from abtesting.statistics.planning.power_proportions import plan_proportions
        >>> rows = detectable_by_duration(
        ...     Traffic.at_rate(2000.0, weekly_returning=0.2),
        ...     lambda n: plan_proportions(control_rate=0.05, num_units=n, power=0.8),
        ...     num_days=(7, 14, 28),
        ... )
        >>> [(row.num_days, round(row.num_units), round(row.plan.lift, 3)) for row in rows]
        [(7, 14000, 0.217), (14, 25200, 0.16), (28, 41328, 0.124)]
    """
    require_type("traffic", traffic, Traffic)
    if not callable(plan_of):
        raise ValueError(f"plan_of is {shown(plan_of)}; it must be a function from units to a plan")
    require_list("num_days", num_days)
    rows = []
    for days in num_days:
        total = traffic.cumulative(days)
        if total > 0:
            rows.append(DurationRow(num_days=days, num_units=total, plan=plan_of(total)))
    return tuple(rows)


def _require_days_of_units(name: str, numbers: Sequence[float]) -> None:
    require_list(name, numbers)
    for i, number in enumerate(numbers):
        require_at_least(f"{name}[{i}]", number, 0)


def _require_days(num_days: int, *, name: str = "num_days") -> None:
    if num_days not in range(1, 100 * MAX_DAYS + 1):
        raise ValueError(
            f"{name} is {shown(num_days)}; it must be a whole number, above 0 and at most "
            f"{100 * MAX_DAYS}"
        )
