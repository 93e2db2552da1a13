"""Replays: what a decision rule would have said at each look of many simulated runs.

The runs are `Paths` of two arms, the rule is one boundary a look, and the comparisons are the
batches that agree with those of a real experiment. A Bayesian rule adds a gate: its chance to win
must be high enough as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import special

from abtesting.statistics.arguments import require_boundary, require_list, require_type
from abtesting.statistics.batch import compare_means_batch, compare_ratios_batch
from abtesting.statistics.batch_proportions import compare_proportions_batch
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.simulation.paths import Floats, Ints, Paths

Kind = Literal["proportion", "mean", "ratio"]
Signs = npt.NDArray[np.int8]
"""Of each run and look: 1 where the variant is shown to be higher, -1 lower, 0 neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChanceGate:
    """The chance to win that a difference must have besides, under a normal prior of the lift.

    Attributes:
        threshold: Smallest chance, above 0.5.
        prior_sd: Standard deviation of the prior of the lift; its mean is 0.
    """

    threshold: float
    prior_sd: float

    def __post_init__(self) -> None:
        if not 0.5 < self.threshold < 1:
            raise ValueError(
                f"threshold is {self.threshold!r}; it must be between 0.5 and 1, both excluded"
            )
        if not self.prior_sd > 0:
            raise ValueError(f"prior_sd is {self.prior_sd!r}; it must be above 0")

    def passes(
        self, difference: Floats, standard_error: Floats, control: Floats
    ) -> npt.NDArray[np.bool_]:
        """Return where the chance of the better one is at least the threshold.

        Where the control's value is 0 there is no chance to win, and nothing to wait for.

        Examples:
            >>> gate = ChanceGate(threshold=0.95, prior_sd=0.3)
            >>> one, control = np.array([1.0]), np.array([100.0])
            >>> [bool(gate.passes(z * one, one, control)[0]) for z in (1.6, 1.7)]
            [False, True]
        """
        sd = self.prior_sd * np.abs(control)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.abs(difference) / standard_error * sd / np.hypot(sd, standard_error)
        return np.asarray((z >= special.ndtri(self.threshold)) | (control == 0))


def shown(
    control: Paths,
    variant: Paths,
    *,
    kind: Kind,
    boundaries: Sequence[Boundary | None],
    gate: ChanceGate | None = None,
) -> Signs:
    """Return what each look of each run shows, were no look before it to end the run.

    Args:
        control: The controls.
        variant: The variants, with as many runs and looks.
        kind: What is compared.
        boundaries: One a look; None where the rule does not look.
        gate: What a Bayesian rule asks for besides.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> from abtesting.statistics.simulation.generators import Conversions
        >>> rng = np.random.default_rng(1)
        >>> arms = [
        ...     Conversions(0.1).paths([1000, 4000], num_runs=3, rng=rng, lift=lift)
        ...     for lift in (0.0, 0.5)
        ... ]
        >>> shown(*arms, kind="proportion", boundaries=[FixedHorizon(0.001), FixedHorizon(0.05)])
        array([[0, 1],
               [0, 1],
               [1, 1]], dtype=int8)
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(get_args(Kind))}")
    require_type("control", control, Paths)
    require_type("variant", variant, Paths)
    require_list("boundaries", boundaries)
    for boundary in boundaries:
        if boundary is not None:
            require_boundary(boundary)
    num_looks = control.sums.shape[1]
    if len(boundaries) != num_looks or variant.sums.shape != control.sums.shape:
        raise ValueError(
            f"there are {len(boundaries)} boundaries for paths of shapes {control.sums.shape} and "
            f"{variant.sums.shape}; there must be one a look, and both shapes equal"
        )
    signs = np.zeros(control.sums.shape, dtype=np.int8)
    for look, boundary in enumerate(boundaries):
        if boundary is None:
            continue
        difference, error, value, p_value = _compare(control, variant, look, kind, boundary)
        # A comparison without a result has no p-value, and shows nothing.
        is_shown = np.nan_to_num(p_value, nan=1.0) < boundary.alpha
        if gate is not None:
            is_shown &= gate.passes(difference, error, value)
        signs[:, look] = np.where(is_shown, np.sign(np.nan_to_num(difference)), 0)
    return signs


def first_shown(signs: Signs) -> tuple[Ints, Signs]:
    """Return at which look each run ends, the last one where nothing is shown, and what it shows.

    Examples:
        >>> looks, found = first_shown(np.array([[0, -1, 1], [0, 0, 0]], dtype=np.int8))
        >>> looks.tolist(), found.tolist()
        ([1, 2], [-1, 0])
    """
    is_shown = signs != 0
    looks = np.where(is_shown.any(axis=1), is_shown.argmax(axis=1), signs.shape[1] - 1)
    return looks, signs[np.arange(len(signs)), looks]


def shown_by_look(signs: Signs) -> Ints:
    """Return how many runs have shown something by each look.

    Examples:
        >>> shown_by_look(np.array([[0, -1, 0], [0, 0, 1]], dtype=np.int8)).tolist()
        [0, 1, 2]
    """
    return np.asarray(np.logical_or.accumulate(signs != 0, axis=1).sum(axis=0), dtype=np.int64)


def _compare(
    control: Paths, variant: Paths, look: int, kind: Kind, boundary: Boundary
) -> tuple[Floats, Floats, Floats, Floats]:
    """Difference, standard error, the control's value and p-value of a look."""
    if kind == "proportion":
        rates = compare_proportions_batch(
            *_counts(control, look), *_counts(variant, look), boundary=boundary
        )
        return rates.difference, rates.standard_error, rates.control_value, rates.p_value
    compare = compare_ratios_batch if kind == "ratio" else compare_means_batch
    effects = compare(control.at(look), variant.at(look), boundary=boundary)
    return effects.difference, effects.standard_error, effects.control_value, effects.p_value


def _counts(paths: Paths, look: int) -> tuple[Ints, Ints]:
    num_units = np.broadcast_to(paths.num_units, paths.sums.shape)[:, look]
    return paths.sums[:, look].round().astype(np.int64), num_units
