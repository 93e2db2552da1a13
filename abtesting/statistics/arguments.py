"""Checks of arguments, each a `ValueError` that says what was given and what is allowed.

A function of the engine asks here at its entrance, so that a wrong type ends in a sentence instead
of in an `AttributeError` three calls further down. The checks of types on the way of every
comparison take less than 0.1 microseconds each.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Collection, Mapping, Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.types import SIDES, NotEnoughData, Side

Floats = NDArray[np.float64]

ROUNDING = 1e-9
"""What the sum of shares may miss 1 by."""

_SHORT = reprlib.Repr()
_SHORT.maxother = _SHORT.maxstring = 80

_MOMENTS = "Moments, such as Moments.from_array(values)"
_COUNTS = "Counts, such as Counts(num_units=1000, num_successes=31)"


def require_moments(control: object, variant: object) -> None:
    """Raise `ValueError` unless both are `Moments`.

    Examples:
        >>> arm = Moments.from_array([1.0, 4.0])
        >>> require_moments(arm, Counts(num_units=2, num_successes=1))
        Traceback (most recent call last):
        ValueError: variant is Counts(num_units=2, num_successes=1); it must be Moments, such as ...
    """
    if not (isinstance(control, Moments) and isinstance(variant, Moments)):
        require_type("control", control, Moments, allowed=_MOMENTS)
        require_type("variant", variant, Moments, allowed=_MOMENTS)


def require_counts(control: object, variant: object) -> None:
    """Raise `ValueError` unless both are `Counts`."""
    if not (isinstance(control, Counts) and isinstance(variant, Counts)):
        require_type("control", control, Counts, allowed=_COUNTS)
        require_type("variant", variant, Counts, allowed=_COUNTS)


def require_boundary(boundary: object) -> None:
    """Raise `ValueError` unless `boundary` is one; `first_look` asks for every comparison.

    Examples:
        >>> require_boundary(0.05)
        Traceback (most recent call last):
        ValueError: boundary is 0.05; it must be a Boundary such as FixedHorizon(0.05)
    """
    if not hasattr(boundary, "min_units_per_arm") or isinstance(boundary, type):
        raise ValueError(
            f"boundary is {shown(boundary)}; it must be a Boundary such as FixedHorizon(0.05)"
        )


def require_generator(rng: object) -> None:
    """Raise `ValueError` unless `rng` is a generator of random numbers.

    Examples:
        >>> require_generator(1)
        Traceback (most recent call last):
        ValueError: rng is 1; it must be a numpy Generator such as numpy.random.default_rng(1)
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng is {shown(rng)}; it must be a numpy Generator such as numpy.random.default_rng(1)"
        )


def require_type(name: str, value: object, kind: type, *, allowed: str | None = None) -> None:
    """Raise `ValueError` unless `value` is of a class, here so that it reads like the rest.

    Args:
        name: The argument.
        value: Its value.
        kind: The class.
        allowed: What the message says it must be; the name of the class if not given.

    Examples:
        >>> reason = NotEnoughData(code="too_few_units", detail="control has 1 unit")
        >>> require_type("prior", reason, Counts)
        Traceback (most recent call last):
        ValueError: prior is NotEnoughData (control has 1 unit); it must be Counts
    """
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {shown(value)}; it must be {allowed or kind.__name__}")


def require_types(name: str, values: Collection[object], kind: type) -> None:
    """Raise `ValueError` unless every value of a list is of a class."""
    require_list(name, values)
    for i, value in enumerate(values):
        require_type(f"{name}[{i}]", value, kind)


def require_probability(name: str, value: float) -> None:
    """Raise `ValueError` unless a level, power or quantile is between 0 and 1, both excluded."""
    if not (is_number(value) and 0 < value < 1):
        raise ValueError(f"{name} is {shown(value)}; it must be between 0 and 1, both excluded")


def as_floats(name: str, values: ArrayLike, *, ndim: int | tuple[int, ...] = 1) -> Floats:
    """Return finite numbers as an array with so many dimensions, or raise `ValueError`.

    Examples:
        >>> as_floats("control", [1, 2.5])
        array([1. , 2.5])
        >>> as_floats("control", NotEnoughData(code="too_few_units", detail="no units"))
        Traceback (most recent call last):
        ValueError: control is NotEnoughData (no units); it must be an array of numbers
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {shown(values)}; it must be an array of numbers") from None
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if array.ndim not in allowed:
        raise ValueError(
            f"{name} has {array.ndim} dimensions; it must have {' or '.join(map(str, allowed))}"
        )
    if not np.isfinite(array).all():
        if array.ndim == 0:
            raise ValueError(f"{name} is {float(array)!r}; it must be a finite number")
        i = int(np.flatnonzero(~np.isfinite(array))[0]) // max(array[:1].size, 1)
        raise ValueError(f"{name}[{i}] is {array[i].tolist()!r}; values must be finite numbers")
    return array


def require_list(name: str, values: object) -> None:
    """Raise `ValueError` unless `values` are several things in an order."""
    if not isinstance(values, Collection) or isinstance(values, str):
        raise ValueError(f"{name} is {shown(values)}; it must be a list")


def require_mapping(name: str, values: object) -> None:
    """Raise `ValueError` unless `values` are keys with values."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} is {shown(values)}; it must be a dict")


def require_p_values(name: str, p_values: Sequence[float]) -> None:
    """Raise `ValueError` unless each p-value is from 0 to 1; a list of none passes."""
    require_list(name, p_values)
    for i, value in enumerate(p_values):
        if not (is_number(value) and 0 <= value <= 1):
            raise ValueError(f"{name}[{i}] is {shown(value)}; it must be between 0 and 1")


def require_alpha(alpha: float, side: Side = "two_sided", *, name: str = "alpha") -> None:
    """Raise `ValueError` unless `alpha` is an error rate that a test of this side can have."""
    if side not in SIDES:
        raise ValueError(f"side is {side!r}; it must be one of {', '.join(SIDES)}")
    require_probability(name, alpha)
    if side != "two_sided" and alpha >= 0.5:
        raise ValueError(f"alpha is {alpha!r}; with one side it must be below 0.5")


def require_finite(name: str, value: float) -> None:
    """Raise `ValueError` unless `value` is a finite number."""
    if not (is_number(value) and math.isfinite(value)):
        raise ValueError(f"{name} is {shown(value)}; it must be a finite number")


def require_positive(name: str, value: float) -> None:
    """Raise `ValueError` unless `value` is above 0 and finite."""
    if not (is_number(value) and 0 < value < math.inf):
        raise ValueError(f"{name} is {shown(value)}; it must be above 0 and finite")


def require_at_least(name: str, value: float, least: float) -> None:
    """Raise `ValueError` unless `value` is a finite number of at least `least`."""
    if not (is_number(value) and least <= value < math.inf):
        raise ValueError(f"{name} is {shown(value)}; it must be at least {least} and finite")


def require_weights(name: str, weights: Sequence[float]) -> None:
    """Raise `ValueError` unless weights of any scale are finite, at least 0, and one above 0."""
    require_list(name, weights)
    for i, weight in enumerate(weights):
        if not (is_number(weight) and 0 <= weight < math.inf):
            raise ValueError(f"{name}[{i}] is {shown(weight)}; it must be finite and at least 0")
    if not any(weight > 0 for weight in weights):
        raise ValueError(f"{name} are {list(weights)!r}; at least one must be above 0")


def require_shares(name: str, shares: Sequence[float]) -> None:
    """Raise `ValueError` unless shares are at least 0 and sum to 1.

    Examples:
        >>> require_shares("shares", [0.5, 0.4])
        Traceback (most recent call last):
        ValueError: shares are [0.5, 0.4], which sum to 0.9; they must sum to 1
    """
    require_weights(name, shares)
    total = math.fsum(shares)
    if abs(total - 1) > ROUNDING:
        raise ValueError(f"{name} are {list(shares)!r}, which sum to {total:g}; they must sum to 1")


def shown(value: object) -> str:
    """Return a value as a message has room for it: one short line."""
    if isinstance(value, NotEnoughData):
        return f"NotEnoughData ({value.detail})"
    return " ".join(_SHORT.repr(value).split())


def is_number(value: object) -> bool:
    """Whether a value is a real number, of Python or of numpy; NaN is one."""
    return isinstance(value, Real)
