"""Replays: the batches say what single comparisons say, and rules err as often as they claim."""

from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.bayesian.bayes import bayesian_difference
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.ratios import compare_ratios
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.simulation.generators import Conversions, Resampled
from abtesting.statistics.simulation.past_units import split_again
from abtesting.statistics.simulation.replays import ChanceGate, first_shown, shown, shown_by_look
from abtesting.statistics.types import Effect

LOOKS = [200, 500, 900]
PAIRS = np.random.default_rng(2).gamma(1.0, 3.0, (900, 2))
SAMPLES = {
    "proportion": (PAIRS[:, 0] > 4).astype(float),
    "mean": PAIRS[:, 0],
    "ratio": PAIRS,
}
COMPARE = {"proportion": compare_proportions, "mean": compare_means, "ratio": compare_ratios}
BOUNDARIES = [FixedHorizon(0.4), FixedHorizon(0.3), FixedHorizon(0.2)]


@pytest.mark.parametrize("kind", list(SAMPLES))
def test_each_look_says_what_the_comparison_of_the_same_units_says(kind):
    values = SAMPLES[kind]
    (arms,) = split_again([values], LOOKS, shares=(1, 1), num_runs=8, rng=np.random.default_rng(4))
    signs = shown(*arms, kind=kind, boundaries=BOUNDARIES)
    places = np.random.default_rng(4).random((8, 900), dtype=np.float32)
    for run in range(8):
        for look, upto in enumerate(LOOKS):
            in_variant = places[run, :upto] >= 0.5
            aggregates = []
            for chosen in (~in_variant, in_variant):
                part = values[:upto][chosen]
                aggregates.append(
                    Counts(num_units=len(part), num_successes=int(part.sum()))
                    if kind == "proportion"
                    else Moments.from_array(part)
                )
            effect = COMPARE[kind](*aggregates, boundary=BOUNDARIES[look])
            expected = np.sign(effect.difference) if effect.is_significant else 0
            assert signs[run, look] == expected
    assert {-1, 0, 1} >= set(signs.ravel().tolist()) != {0}


def test_too_few_units_show_nothing():
    paths = [Conversions(0.5).paths([50], num_runs=9, rng=np.random.default_rng(1), lift=x)
             for x in (0.0, 0.9)]  # fmt: skip
    assert (shown(*paths, kind="proportion", boundaries=[FixedHorizon(0.05)]) == 1).all()
    assert (shown(*paths, kind="proportion", boundaries=[AlwaysValid(0.05, 100)]) == 0).all()


@pytest.mark.parametrize("prior_sd", [0.02, 0.3])
def test_the_gate_is_the_chance_to_win_of_the_bayesian_view(prior_sd):
    gate = ChanceGate(threshold=0.95, prior_sd=prior_sd)
    for successes in range(480, 620, 10):
        effect = compare_proportions(
            Counts(num_units=5000, num_successes=500),
            Counts(num_units=5000, num_successes=successes),
            boundary=FixedHorizon(0.05),
        )
        assert isinstance(effect, Effect)
        posterior = bayesian_difference(effect, prior=NormalPrior(0.0, prior_sd))
        chance = max(posterior.chance_to_win, 1 - posterior.chance_to_win)
        passed = gate.passes(
            *(np.array([x]) for x in (effect.difference, effect.standard_error, 0.1))
        )
        assert passed[0] == (chance >= 0.95)


def test_without_a_control_value_there_is_no_chance_to_wait_for():
    one = np.array([1.0])
    assert ChanceGate(threshold=0.95, prior_sd=0.3).passes(one, one, 0 * one)[0]


def test_a_run_ends_where_something_is_shown_first():
    signs = np.array([[0, 1, -1], [0, 0, 0], [-1, 0, 0]], dtype=np.int8)
    looks, found = first_shown(signs)
    assert (looks.tolist(), found.tolist()) == ([1, 2, 0], [1, 0, -1])
    assert shown_by_look(signs).tolist() == [1, 2, 2]


def test_group_sequential_looks_err_as_often_as_they_may_and_peeking_far_more_often():
    rng = np.random.default_rng(20)
    looks = [200 * k for k in range(1, 11)]
    arms = [Conversions(0.2).paths(looks, num_runs=4000, rng=rng) for _ in range(2)]
    planned = [
        GroupSequentialLook(0.05, tuple(x / 10 for x in range(1, k + 1))) for k in range(1, 11)
    ]
    error = shown_by_look(shown(*arms, kind="proportion", boundaries=planned))[-1] / 4000
    peeking = shown(*arms, kind="proportion", boundaries=[FixedHorizon(0.05)] * 10)
    assert 0.04 < error < 0.06
    assert 0.16 < shown_by_look(peeking)[-1] / 4000 < 0.22
    assert shown_by_look(peeking)[0] / 4000 == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "median"}, "kind is 'median'"),
        ({"boundaries": [FixedHorizon(0.05)]}, "1 boundaries"),
    ],
)
def test_bad_input_is_named(change, message):
    paths = Resampled([1.0, 2.0]).paths([5, 9], num_runs=2, rng=np.random.default_rng(1))
    options = {"kind": "mean", "boundaries": [FixedHorizon(0.05)] * 2, **change}
    with pytest.raises(ValueError, match=message):
        shown(paths, paths, **options)


@pytest.mark.parametrize("fields", [{"threshold": 0.5}, {"threshold": 1}, {"prior_sd": 0}])
def test_a_bad_gate_is_named(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        ChanceGate(**{"threshold": 0.95, "prior_sd": 0.3, **fields})
