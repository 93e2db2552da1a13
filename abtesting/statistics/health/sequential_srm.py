"""Sample ratio mismatch that may be tested every day: an e-value of the counts so far.

The chi-square test of `srm` is for one look. Repeated daily at 0.01 it calls about 7 % of sound
experiments broken within four weeks. Here the counts are weighed against a range of other shares;
the weight of evidence (the e-value) reaches 1 / alpha at any time with probability alpha at most,
so it can be read after every unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import (
    require_alpha,
    require_at_least,
    require_list,
    require_positive,
    require_types,
)
from abtesting.statistics.health.srm import planned_shares
from abtesting.statistics.stirling import stirling_rest, stirling_rests
from abtesting.statistics.types import NotEnoughData

CONCENTRATIONS = (100.0, 1_000.0, 10_000.0)
"""How close to the plan the other shares are. A concentration k looks for shares about
sqrt(share (1 - share) / k) away: of a half, 5 points at 100 and half a point at 10,000. The best
one depends on the fault and the traffic, which nobody knows before."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmLook:
    """Units that arrived since the look before, under one set of weights.

    Attributes:
        counts: New units in each arm.
        weights: What the units of the arms were to be proportional to while they arrived, of any
            sum; 0 for no unit.
    """

    counts: Sequence[int]
    weights: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialSrm:
    """Evidence against the planned shares.

    Attributes:
        log_e_value: Natural logarithm of the e-value now; above 0 speaks against the plan.
        max_log_e_value: The largest at any look so far; at least 0.
        p_value: Always-valid p-value, 1 over the largest e-value.
        p_values: The same after each look, so never rising.
        observed: Units in each arm, over all looks.
        expected: Units each arm should have got, over all looks.
        leaked_units: Units that arrived in an arm while its weight was 0.
        concentrations: Of the mixture.
        method: `dirichlet_multinomial`.
        alpha: Level of `is_mismatch`.
    """

    log_e_value: float
    max_log_e_value: float
    p_value: float
    p_values: tuple[float, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    leaked_units: int
    concentrations: tuple[float, ...]
    alpha: float
    method: str = "dirichlet_multinomial"

    @property
    def is_mismatch(self) -> bool:
        """Whether the shares are not those planned, or units are where none may be."""
        return self.p_value < self.alpha or self.leaked_units > 0

    @property
    def first_mismatch(self) -> int | None:
        """Position of the first look with a p-value below alpha."""
        return next((i for i, p in enumerate(self.p_values) if p < self.alpha), None)


def sequential_srm_test(
    looks: Sequence[SrmLook],
    *,
    alpha: float = 0.01,
    concentrations: Sequence[float] = CONCENTRATIONS,
    previous_max_log_e_value: float = 0.0,
) -> SequentialSrm | NotEnoughData:
    """Test the units of all looks together against the weights under which they came.

    When the weights change, as in a ramp-up, a new phase begins: the e-values of the phases
    multiply. Units of a look must all have come under its weights, so a change within a day takes
    two looks.

    Args:
        looks: In order of time. One look with all units of a phase is as good as its days, if the
            largest e-value before it is given.
        alpha: Probability of ever calling a sound split a mismatch, over all looks.
        concentrations: Of the mixture, with equal weights; one alone is the test of the paper.
        previous_max_log_e_value: Largest logarithm of the e-value at looks not given here.

    Returns:
        The result, or why there is none: `one_arm` with a weight above 0 in every look, or
        `too_few_units` as long as there is none at all.

    Raises:
        ValueError: If there is no look, looks differ in their number of arms, or a number is out of
            its range.

    References:
        Lindon, M. & Malek, A. (2022). Anytime-valid inference for multinomial count data. NeurIPS;
        arXiv 2011.03567, equation 7.

    Examples:
        >>> days = [SrmLook(counts=(5_150, 4_850), weights=(1, 1))] * 7
        >>> result = sequential_srm_test(days)
        >>> result.first_mismatch, f"{result.p_value:.1e}"
        (1, '5.2e-13')
    """
    require_alpha(alpha)
    require_list("concentrations", concentrations)
    if not concentrations:
        raise ValueError("concentrations is empty; there must be at least 1")
    for i, k in enumerate(concentrations):
        require_positive(f"concentrations[{i}]", k)
    require_at_least("previous_max_log_e_value", previous_max_log_e_value, 0)
    checked = _checked(looks)
    if not any(sum(share > 0 for share in shares) > 1 for _, shares in checked):
        return NotEnoughData(
            code="one_arm",
            detail="no look has two arms with a weight above 0; comparing shares needs that",
        )
    observed = np.sum([counts for counts, _ in checked], axis=0)
    if not observed.any():
        return NotEnoughData(code="too_few_units", detail="no unit has arrived in any arm")
    path = _log_e_path(checked, concentrations)
    running = np.maximum.accumulate(np.maximum(path, previous_max_log_e_value))
    p_values = tuple(math.exp(-log_e_value) for log_e_value in running.tolist())
    expected = np.zeros(observed.size)
    leaked = 0
    for counts, shares in checked:
        leaks = sum(count for count, share in zip(counts, shares, strict=True) if share == 0)
        expected += (sum(counts) - leaks) * np.array(shares)
        leaked += leaks
    return SequentialSrm(
        log_e_value=float(path[-1]),
        max_log_e_value=float(running[-1]),
        p_value=p_values[-1],
        p_values=p_values,
        observed=tuple(observed.tolist()),
        expected=tuple(expected.tolist()),
        leaked_units=leaked,
        concentrations=tuple(concentrations),
        alpha=alpha,
    )


def log_bayes_factor(counts: ArrayLike, shares: Sequence[float], *, concentration: float) -> Floats:
    """Return the logarithm of the Dirichlet-multinomial Bayes factor against planned shares.

    Args:
        counts: Units so far, arms in the last axis; axes before it are other looks or experiments.
        shares: Planned share of each arm, above 0 and with sum 1.
        concentration: Prior units k; the prior of the shares is Dirichlet(k * shares).

    References:
        Lindon & Malek (2022), equation 7.

    Examples:
        >>> float(log_bayes_factor([5_100, 4_900], [0.5, 0.5], concentration=100).round(6))
        -0.329512
    """
    units = np.asarray(counts, dtype=float)
    share = np.asarray(shares, dtype=float)
    total = units.sum(axis=-1, keepdims=True)
    # ln B(k share + x) - ln B(k share) - sum x ln share, where the logarithms of the gamma
    # functions are of the size of the counts: their main parts are cancelled on paper (Stirling),
    # and what is left is the divergence of the shares from the plan, which is of the size of the
    # result.
    prior, posterior = concentration * share, concentration * share + units
    mass = concentration + total
    planned = mass * share
    deviation = (units - total * share) / planned
    divergence = planned * ((1 + deviation) * np.log1p(deviation) - deviation)
    return np.asarray(
        divergence.sum(axis=-1)
        - np.log1p(deviation).sum(axis=-1) / 2
        - (share.size - 1) / 2 * np.log(mass[..., 0] / concentration)
        + (stirling_rests(posterior) - stirling_rests(prior)).sum(axis=-1)
        - stirling_rests(mass[..., 0])
        + stirling_rest(concentration)
    )


def _checked(looks: Sequence[SrmLook]) -> list[tuple[list[int], list[float]]]:
    require_types("looks", looks, SrmLook)
    if not looks:
        raise ValueError("looks is empty; there must be at least 1")
    checked = [planned_shares(look.counts, look.weights) for look in looks]
    for i, (counts, _) in enumerate(checked):
        if len(counts) != len(checked[0][0]):
            raise ValueError(
                f"looks[{i}] has {len(counts)} arms and looks[0] {len(checked[0][0])}; they must "
                "be equal"
            )
    return checked


def _log_e_path(
    checked: list[tuple[list[int], list[float]]], concentrations: Sequence[float]
) -> Floats:
    """Logarithm of the e-value after each look.

    Each concentration goes through all phases by itself before they are averaged: the fault is
    likely to be of one size, so what a phase has taught about k counts in the next.
    """
    before = np.zeros(len(concentrations))
    path: list[float] = []
    start = 0
    while start < len(checked):
        shares = checked[start][1]
        end = start
        while end < len(checked) and checked[end][1] == shares:
            end += 1
        kept = [i for i, share in enumerate(shares) if share > 0]
        so_far = np.cumsum([counts for counts, _ in checked[start:end]], axis=0)[:, kept]
        phase = np.stack(
            [
                log_bayes_factor(so_far, [shares[i] for i in kept], concentration=k)
                for k in concentrations
            ]
        )
        total = before[:, None] + phase
        top = total.max(axis=0)
        path += (top + np.log(np.exp(total - top).mean(axis=0))).tolist()
        before = total[:, -1]
        start = end
    return np.array(path)
