"""Tail of the largest of several statistics that share one source of error.

Statistics against one control have correlations that are products of loadings: each is a multiple
of the control's error plus an error of its own. Given the control's error (and the standard error)
they are independent, so that their joint distribution is an integral over one number, or two with
estimated standard errors. `dunnett` is built on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.arguments import require_finite
from abtesting.statistics.stirling import stirling_rest

Floats = NDArray[np.float64]

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)
LOG_NEGLIGIBLE = -42.0
"""Logarithm of the part of the largest value below which an integrand plays no part (1e-18)."""


def max_tail(
    critical: float, loadings: Sequence[float], *, df: float | None, two_sided: bool
) -> float:
    """Return the probability that any statistic exceeds `critical`, in size if `two_sided`.

    Args:
        critical: How far out.
        loadings: From 0 to 1; the correlation of two statistics is the product of theirs.
        df: Degrees of freedom of the standard error that all share; `None` if it is known.
        two_sided: Whether both signs count.

    Raises:
        ValueError: If a number is out of its range.

    References:
        Dunnett, C. W. & Sobel, M. (1955). Approximations to the probability integral and certain
        percentage points of a multivariate analogue of Student's t-distribution. Biometrika
        42(1-2).

    Examples:
        >>> half = 0.5**0.5
        >>> round(max_tail(2.349, [half, half, half], df=None, two_sided=True), 5)
        0.05
        >>> round(max_tail(2.349, [half, half, half], df=20, two_sided=True), 5)
        0.07359
    """
    lam = np.asarray(loadings, dtype=float)
    if lam.ndim != 1 or lam.size == 0 or not ((lam >= 0) & (lam <= 1)).all():
        raise ValueError(f"loadings are {loadings!r}; there must be at least 1, from 0 to 1 each")
    require_finite("critical", critical)
    if two_sided and critical <= 0:
        return 1.0
    lam = np.minimum(lam, 1 - 1e-12)  # a control that is all of the error: a step, almost
    if df is None:
        return min(1.0, float(_normal_tail(np.array([critical]), lam, two_sided=two_sided)[0]))
    if not df > 0:
        raise ValueError(f"df is {df!r}; it must be above 0, or None")
    return min(1.0, _t_tail(critical, lam, df=df, two_sided=two_sided))


def _normal_tail(criticals: Floats, lam: Floats, *, two_sided: bool) -> Floats:
    """P(max > c) for each c: the mean over the control's error z of 1 - prod(1 - tails)."""
    loadings, numbers = np.unique(lam, return_counts=True)
    own = np.sqrt((1 - loadings) * (1 + loadings))
    z, weight = _nodes(criticals, loadings, own, two_sided=two_sided)
    log_none = np.zeros_like(z)
    for loading, width, number in zip(loadings, own, numbers, strict=True):
        any_one = special.ndtr((loading * z - criticals[:, None]) / width)
        if two_sided:
            any_one += special.ndtr((-loading * z - criticals[:, None]) / width)
        with np.errstate(divide="ignore"):  # a tail of 1
            log_none += number * np.log1p(-np.minimum(any_one, 1.0))
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    total = -(weight * density * np.expm1(log_none)).sum(axis=-1)
    return np.asarray(2 * total if two_sided else total)


def _nodes(
    criticals: Floats, loadings: Floats, own: Floats, *, two_sided: bool
) -> tuple[Floats, Floats]:
    """Points z and their weights, a row for each critical value; half of them if two-sided."""
    # With one statistic the integrand is a part of the normal density around loading * critical.
    centre = np.maximum(criticals, 0.0)
    start, reach = float(loadings.min()) * centre - 9, float(loadings.max()) * centre + 9
    if two_sided:
        start = np.maximum(start, 0.0)
    num_panels = math.ceil(float((reach - start).max()) / 2)
    edges = [start + (reach - start) * part for part in np.linspace(0, 1, num_panels + 1)]
    for loading, width in zip(loadings, own, strict=True):
        if width < loading / 2:  # the integrand has a step at c / loading, steeper than the panels
            edges += [
                np.clip((criticals + width * step) / loading, start, reach)
                for step in (-9, -3, 0, 3, 9)
            ]
    grid = np.sort(np.stack(edges, axis=-1), axis=-1)
    half = np.diff(grid, axis=-1)[..., None] / 2
    middle = (grid[..., 1:] + grid[..., :-1])[..., None] / 2
    rows = len(criticals)
    return (middle + half * NODES).reshape(rows, -1), (half * NODE_WEIGHTS).reshape(rows, -1)


def _t_tail(critical: float, lam: Floats, *, df: float, two_sided: bool) -> float:
    """The same with an estimated standard error: the mean over s, where df s^2 is chi-square."""
    low, high = _where_it_counts(critical, lam.size, df=df, two_sided=two_sided)
    # The integrand is smooth and vanishes at both ends, where equal steps are as good as any rule:
    # they need to be small beside its peak, and beside 1 for the long tail of few df.
    num_steps = math.ceil((high - low) / min(0.15, 0.75 / math.sqrt(2 * df)))
    y = np.linspace(low, high, max(num_steps, 24) + 1)
    tail = _normal_tail(critical * np.exp(y), lam, two_sided=two_sided)
    return float((np.exp(_log_density(y, df)) * tail).sum() * (y[1] - y[0]))


def _where_it_counts(
    critical: float, number: int, *, df: float, two_sided: bool
) -> tuple[float, float]:
    """Range of y = log s; the integrand has one peak there, which Bonferroni's bound shows."""
    low, high = -60 / min(df, 60.0) - math.log1p(abs(critical)), 4.0
    sides = 2 * number if two_sided else number
    while True:
        y = np.linspace(low, high, 201)
        tail = math.log(sides) + special.log_ndtr(-critical * np.exp(y))
        size = _log_density(y, df) + np.minimum(tail, 0.0)
        counts = np.flatnonzero(size > size.max() + LOG_NEGLIGIBLE)
        low, high = float(y[max(counts[0] - 1, 0)]), float(y[min(counts[-1] + 1, 200)])
        if counts.size > 50:
            return low, high


def _log_density(y: Floats, df: float) -> Floats:
    """Of y = log s, written so that nothing of the size of df cancels."""
    half = df / 2
    constant = math.log(2) - stirling_rest(half) + (math.log(half) - math.log(2 * math.pi)) / 2
    return np.asarray(constant - half * (np.expm1(2 * y) - 2 * y))
