"""Logarithms of gamma functions without their main part, which cancels in probabilities of counts.

The logarithm of the gamma function of a million million is about 3e13, so that a difference of two
has no digits left beyond the second. Stirling's main part cancels on paper; what is left is small,
and these functions give it in full precision.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

LARGE = 10.0
SERIES = (1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
HALF_LOG_2PI = math.log(2 * math.pi) / 2


def stirling_rest(z: float) -> float:
    """Return log gamma(z) - (z - 1/2) log z + z - log(2 pi) / 2, for z above 0.

    References:
        Abramowitz, M. & Stegun, I. A. (1964). Handbook of Mathematical Functions, 6.1.41.

    Examples:
        >>> round(stirling_rest(1e12) * 12e12, 12)
        1.0
    """
    if z < LARGE:
        return math.lgamma(z) - ((z - 0.5) * math.log(z) - z + HALF_LOG_2PI)
    rest = 0.0
    for coefficient in SERIES:
        rest = rest / (z * z) + coefficient
    return rest / z


def stirling_rests(z: Floats) -> Floats:
    """Return `stirling_rest` of each element.

    Examples:
        >>> stirling_rests(np.array([1.0, 20.0])).round(6)
        array([0.081061, 0.004166])
    """
    large = np.maximum(z, LARGE)
    rest = np.zeros_like(large)
    for coefficient in SERIES:
        rest = rest / (large * large) + coefficient
    small = np.minimum(z, LARGE)
    direct = special.gammaln(small) - ((small - 0.5) * np.log(small) - small + HALF_LOG_2PI)
    return np.where(z >= LARGE, rest / large, direct)
