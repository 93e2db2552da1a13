"""Samples: one value a unit, as the methods take them that need more than moments."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def as_sample(name: str, values: ArrayLike) -> Floats:
    """Return `values` as an array of shape `[n]`, or raise `ValueError` if they are not a sample.

    Args:
        name: What the message calls them.
        values: Finite numbers; none at all is a sample too.

    Examples:
        >>> as_sample("control", [1, 2.5])
        array([1. , 2.5])
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; it must have 1")
    if not np.isfinite(array).all():
        i = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{name}[{i}] is {array[i]}; values must be finite numbers")
    return array
