"""Many tests at once: adjusted p-values, q-values and the e-value form of Benjamini-Hochberg.

What is adjusted decides what is promised. The family-wise methods (Bonferroni to Hommel) bound the
chance of even one false claim; Benjamini-Hochberg and its kin bound the share of false claims among
all claims. An adjusted p-value is compared with alpha as a single one is. Intervals that go with
the decisions are in `simultaneous`, many variants against one control in `dunnett`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from abtesting.statistics.arguments import (
    is_number,
    require_alpha,
    require_list,
    require_p_values,
    require_probability,
    shown,
)

Adjustment = Literal[
    "bonferroni", "sidak", "holm", "holm_sidak", "hochberg", "hommel", "bh", "by", "storey"
]
"""Which promise: the first six bound the family-wise error, the last three the false discoveries.

`sidak`, `holm_sidak`, `hochberg`, `hommel`, `bh` and `storey` ask for p-values that are independent
or positively dependent (metrics of one experiment usually are); the others hold whatever they are.
"""

Floats = NDArray[np.float64]


def adjust(p_values: Sequence[float], *, method: Adjustment = "holm") -> tuple[float, ...]:
    """Return the adjusted p-values, in the order of the input.

    Args:
        p_values: One for each test; none at all gives none.
        method: Which error is bounded, and under which dependence; see `Adjustment`. `storey` is
            the q-value with every null hypothesis taken as true, which is `bh`; for an estimated
            share of true ones see `q_values`.

    Raises:
        ValueError: If a p-value is not in [0, 1] or the method is unknown.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6(2). Sidak (1967), JASA 62(318). Hochberg
        (1988), Biometrika 75(4). Hommel (1988), Biometrika 75(2): closed testing with Simes' test.
        Benjamini & Hochberg (1995), JRSS B 57(1). Benjamini & Yekutieli (2001), Annals of
        Statistics 29(4). Storey (2002), JRSS B 64(3).

    Examples:
        >>> adjust([0.01, 0.04, 0.03], method="holm")
        (0.03, 0.06, 0.06)
        >>> adjust([0.01, 0.04, 0.03], method="bh")
        (0.03, 0.04, 0.04)
    """
    if method not in get_args(Adjustment):
        raise ValueError(
            f"method is {method!r}; it must be one of {', '.join(get_args(Adjustment))}"
        )
    p = _as_p_values(p_values)
    if p.size == 0:
        return ()
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = _adjust_sorted(p[order], method)
    return tuple(adjusted.tolist())


def _adjust_sorted(p: Floats, method: Adjustment) -> Floats:
    m = p.size
    rank = np.arange(1.0, m + 1)
    match method:
        case "bonferroni":
            return np.minimum(m * p, 1.0)
        case "sidak":
            return _any_of(p, np.full(m, float(m)))
        case "holm":
            return np.minimum(np.maximum.accumulate((m - rank + 1) * p), 1.0)
        case "holm_sidak":
            return np.maximum.accumulate(_any_of(p, m - rank + 1))
        case "hochberg":
            return _from_the_largest((m - rank + 1) * p)
        case "hommel":
            return _hommel(p)
        case "by":
            harmonic = math.fsum(1 / i for i in range(1, m + 1))
            return _from_the_largest(harmonic * (m / rank * p))
        case _:
            return _from_the_largest(m / rank * p)


def _any_of(p: Floats, number: Floats) -> Floats:
    """Probability that the least of `number` independent p-values is as small as p."""
    with np.errstate(divide="ignore"):  # p = 1
        return np.asarray(-np.expm1(number * np.log1p(-p)))


def _from_the_largest(scaled: Floats) -> Floats:
    return np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)


def _hommel(p: Floats) -> Floats:
    """Wright (1992): Simes' tests of all intersections, by their size, without listing them."""
    m = p.size
    rank = np.arange(1, m + 1)
    simes = float(np.min(m * p / rank))
    adjusted = np.full(m, simes)
    largest = np.full(m, simes)
    for size in range(m - 1, 1, -1):
        split = m - size + 1
        least = float(np.min(size * p[split:] / np.arange(2, size + 1)))
        largest[:split] = np.minimum(size * p[:split], least)
        largest[split:] = largest[split - 1]
        adjusted = np.maximum(adjusted, largest)
    return np.asarray(np.minimum(np.maximum(adjusted, p), 1.0))


def estimate_null_share(p_values: Sequence[float], *, threshold: float = 0.5) -> float:
    """Estimate which share of the null hypotheses is true, from the p-values above `threshold`.

    The 1 that is added keeps the false discovery rate bounded with few tests.

    References:
        Storey, Taylor & Siegmund (2004). JRSS B 66(1), equation 6.

    Examples:
        >>> estimate_null_share([0.001, 0.002, 0.01, 0.02, 0.03, 0.04, 0.2, 0.7])
        0.5
    """
    require_probability("threshold", threshold)
    p = _as_p_values(p_values)
    if p.size == 0:
        raise ValueError("p_values is empty; a share needs at least 1")
    return min(1.0, (int((p > threshold).sum()) + 1) / ((1 - threshold) * p.size))


def q_values(p_values: Sequence[float], *, null_share: float = 1.0) -> tuple[float, ...]:
    """Return Storey's q-values: the false discovery rate when everything as small is claimed.

    Args:
        p_values: One for each test.
        null_share: Share of true null hypotheses (pi0), such as `estimate_null_share` gives; at 1
            the q-values are Benjamini-Hochberg's adjusted p-values.

    Examples:
        >>> q_values([0.01, 0.04, 0.03], null_share=0.5)
        (0.015, 0.02, 0.02)
    """
    if not 0 < null_share <= 1:
        raise ValueError(f"null_share is {null_share!r}; it must be above 0 and at most 1")
    return tuple(null_share * value for value in adjust(p_values, method="storey"))


@dataclass(frozen=True, slots=True, kw_only=True)
class EBH:
    """Claims of the e-value form of Benjamini-Hochberg.

    Attributes:
        rejected: Whether each null hypothesis is rejected, in input order.
        adjusted_p_values: Least alpha at which each would be, at most 1.
        alpha: Bound on the false discovery rate.
        method: `e_bh`.
    """

    rejected: tuple[bool, ...]
    adjusted_p_values: tuple[float, ...]
    alpha: float
    method: str = "e_bh"


def e_bh(log_e_values: Sequence[float], *, alpha: float) -> EBH:
    """Choose among hypotheses by their e-values, at a false discovery rate of `alpha`.

    It holds whatever the dependence, and when each e-value was stopped at a time of its own: what
    Benjamini-Hochberg on p-values that were peeked at does not do.

    Args:
        log_e_values: Natural logarithm of each e-value; `-inf` is an e-value of 0.
        alpha: Bound on the false discovery rate.

    References:
        Wang, R. & Ramdas, A. (2022). False discovery rate control with e-values. JRSS B 84(3).

    Examples:
        >>> from math import log
        >>> e_bh([log(100), log(25), log(2)], alpha=0.1).rejected
        (True, True, False)
    """
    require_alpha(alpha)
    require_list("log_e_values", log_e_values)
    for i, value in enumerate(log_e_values):
        if not is_number(value) or math.isnan(value):
            raise ValueError(f"log_e_values[{i}] is {shown(value)}; it must be a number")
    log_e = np.asarray(log_e_values, dtype=float)
    m = log_e.size
    order = np.argsort(-log_e, kind="stable")
    log_needed = math.log(max(m, 1)) - np.log(np.arange(1, m + 1)) - log_e[order]
    adjusted = np.empty(m)
    least = np.minimum.accumulate(log_needed[::-1])[::-1]
    adjusted[order] = np.exp(np.minimum(least, 0.0))
    return EBH(
        rejected=tuple((adjusted <= alpha * (1 + 1e-12)).tolist()),
        adjusted_p_values=tuple(adjusted.tolist()),
        alpha=alpha,
    )


def _as_p_values(p_values: Sequence[float]) -> Floats:
    require_p_values("p_values", p_values)
    return np.asarray(p_values, dtype=float)
