"""Covariates for `regression`: pre-period values that are missing, pre-period ratios.

A covariate must be fixed before the unit met the experiment: a value that the variant can move
takes part of the effect away with it. Nothing here looks at the outcome.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import require_moments, shown
from abtesting.statistics.moments import Moments


def with_missing_indicator(values: ArrayLike) -> NDArray[np.float64]:
    """Return two covariates for one that some units lack: the value, and whether it is missing.

    New shoppers have no pre-period. Leaving them out would change whom the effect is about, and
    filling in a number alone pulls the slope towards 0. With both columns in the regression the
    number filled in makes no difference: units without a value get a level of their own, those
    with one keep their slope. Whether a value is missing must be settled before the experiment,
    as the values are.

    Args:
        values: One value per unit, NaN where it is missing.

    Returns:
        Array of shape `[n, 2]`: the value, with the mean of those known where it is missing, and 1
        where it is missing. The regression drops the second column if no value is.

    Raises:
        ValueError: If a value is infinite or there is more than one dimension.

    References:
        Zhao, A. & Ding, P. (2024). To adjust or not to adjust? Estimating the average treatment
        effect in randomized experiments with missing covariates. JASA 119(545).

    Examples:
        >>> with_missing_indicator([3.0, float("nan"), 5.0]).tolist()
        [[3.0, 0.0], [4.0, 1.0], [5.0, 0.0]]
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"values is {shown(values)}; it must be an array of numbers") from None
    if array.ndim != 1:
        raise ValueError(f"values has {array.ndim} dimensions; it must have 1")
    if np.isinf(array).any():
        row = int(np.flatnonzero(np.isinf(array))[0])
        raise ValueError(
            f"values[{row}] is {float(array[row])!r}; it must be finite, or NaN if missing"
        )
    missing = np.isnan(array)
    known = array[~missing]
    filled = np.where(missing, known.mean() if known.size else 0.0, array)
    return np.column_stack([filled, missing.astype(np.float64)])


def linearised_covariate(
    control: Moments, variant: Moments, *, numerator: int, denominator: int
) -> tuple[Moments, Moments]:
    """Replace the two columns of a pre-period ratio by one covariate.

    It is `(numerator - R * denominator) / mean denominator` of each unit, with the ratio R and the
    mean of both variants together, so that it means the same in both.

    Args:
        control: Moments of the control.
        variant: Moments of the variant, as many columns.
        numerator: Column of the pre-period numerator; the covariate takes its place.
        denominator: Column of the pre-period denominator.

    Raises:
        ValueError: If a column does not exist, or the mean denominator is not above 0.

    References:
        Deng, A., Knoblich, U. & Lu, J. (2018). Applying the delta method in metric analytics.
        KDD '18, section 3.

    Examples:
        >>> control = Moments.from_array([[5.0, 4.0, 2.0], [7.0, 9.0, 3.0]])
        >>> variant = Moments.from_array([[6.0, 1.0, 1.0], [9.0, 8.0, 2.0]])
        >>> first, second = linearised_covariate(control, variant, numerator=1, denominator=2)
        >>> round(first.n * first.means[1] + second.n * second.means[1], 12) + 0.0
        0.0
    """
    require_moments(control, variant)
    columns = len(control.means)
    if columns != len(variant.means):
        raise ValueError(
            f"control has {columns} columns and variant {len(variant.means)}; they must be equal"
        )
    for name, column in (("numerator", numerator), ("denominator", denominator)):
        if column not in range(columns) or numerator == denominator:
            raise ValueError(
                f"{name} is column {column}; numerator and denominator must be two of the columns "
                f"0 to {columns - 1}"
            )
    num_units = control.n + variant.n
    total_numerator, total_denominator = (
        control.n * control.means[column] + variant.n * variant.means[column]
        for column in (numerator, denominator)
    )
    if num_units == 0 or total_denominator <= 0:
        raise ValueError(
            f"the denominators add up to {total_denominator:g}; a ratio needs a mean above 0"
        )
    scale = num_units / total_denominator
    matrix = np.eye(columns)
    matrix[numerator, numerator] = scale
    matrix[numerator, denominator] = -scale * total_numerator / total_denominator
    matrix = np.delete(matrix, denominator, axis=0)
    return transformed(control, matrix), transformed(variant, matrix)


def transformed(moments: Moments, matrix: NDArray[np.float64]) -> Moments:
    """Return the moments of new columns, each a row of `matrix` times the old columns."""
    comoments = matrix @ np.array(moments.comoments) @ matrix.T
    comoments = (comoments + comoments.T) / 2
    np.fill_diagonal(comoments, np.maximum(comoments.diagonal(), 0.0))
    return Moments(
        n=moments.n,
        means=tuple((matrix @ np.array(moments.means)).tolist()),
        comoments=tuple(tuple(row) for row in comoments.tolist()),
    )
