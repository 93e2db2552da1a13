from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.heterogeneity.segments import analyse_segments
from abtesting.statistics.means import Estimate, compare_estimates
from abtesting.statistics.moments import Counts
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.types import NotEnoughData

FIXED = FixedHorizon(0.05)
TOO_FEW = NotEnoughData(code="too_few_units", detail="1 unit")
DIFFERENCES = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 3)), min_size=2, max_size=7)


def effect(difference, standard_error, scale=1.0):
    return compare_estimates(
        Estimate(value=10 * scale, variance=(scale * standard_error) ** 2 / 2, num_units=5000),
        Estimate(
            value=(10 + difference) * scale,
            variance=(scale * standard_error) ** 2 / 2,
            num_units=5000,
        ),
        boundary=FIXED,
        method="welch",
    )


def effects_of(pairs, scale=1.0):
    return {f"s{i}": effect(*pair, scale=scale) for i, pair in enumerate(pairs)}


@given(DIFFERENCES)
def test_interaction_is_the_chi_square_of_the_differences(pairs):
    y, se = (np.array(column) for column in zip(*pairs, strict=True))
    w = 1 / se**2
    common = (w @ y) / w.sum()
    analysis = analyse_segments(effects_of(pairs))
    q = (w * (y - common) ** 2).sum()
    assert analysis.interaction_statistic == pytest.approx(q, rel=1e-6, abs=1e-9)
    assert analysis.interaction_p_value == pytest.approx(
        stats.chi2.sf(q, len(pairs) - 1), rel=1e-6, abs=1e-12
    )
    assert analysis.common_difference == pytest.approx(common, abs=1e-9)
    assert analysis.common_standard_error == pytest.approx(1 / math.sqrt(w.sum()))
    assert (analysis.outcome == "segments_differ") == (analysis.interaction_p_value < 0.05)


@given(DIFFERENCES)
def test_order_and_units_do_not_matter(pairs):
    one, other = analyse_segments(effects_of(pairs)), analyse_segments(effects_of(pairs, 1e-3))
    assert other.interaction_p_value == pytest.approx(one.interaction_p_value, rel=1e-6)
    back = analyse_segments(dict(reversed(effects_of(pairs).items())))
    assert back.interaction_p_value == pytest.approx(one.interaction_p_value, rel=1e-6)


def test_two_segments_are_a_z_test_of_the_difference_of_differences():
    analysis = analyse_segments(effects_of([(0.5, 0.3), (2.0, 0.4)]))
    z = 1.5 / math.hypot(0.3, 0.4)
    assert analysis.interaction_p_value == pytest.approx(2 * stats.norm.sf(z))


def test_single_segments_are_corrected_by_holm():
    analysis = analyse_segments(effects_of([(0.9, 0.3), (0.66, 0.3), (0.0, 0.3)]))
    raw = [segment.effect.p_value for segment in analysis.segments]
    adjusted = [segment.adjusted_p_value for segment in analysis.segments]
    assert adjusted == pytest.approx([3 * raw[0], 2 * raw[1], raw[2]])
    assert [segment.is_significant for segment in analysis.segments] == [True, False, False]
    assert raw[1] < 0.05


def test_segments_are_shrunk_towards_the_common_effect():
    pairs = [(0.1, 0.3), (0.3, 0.3), (1.5, 0.6), (0.2, 0.2), (-0.1, 0.3)]
    analysis = analyse_segments(effects_of(pairs))
    for segment, (difference, _) in zip(analysis.segments, pairs, strict=True):
        low, high = sorted([difference, analysis.common_difference])
        assert low - 0.1 <= segment.shrunk.estimate <= high + 0.1
    assert analysis.outcome == "no_evidence"


def test_three_segments_say_too_little_to_shrink():
    analysis = analyse_segments(effects_of([(0.1, 0.3), (0.3, 0.3), (1.5, 0.6)]))
    assert [segment.shrunk for segment in analysis.segments] == [None] * 3


def test_segments_without_a_result_are_listed():
    effects = effects_of([(0.1, 0.3), (0.3, 0.3)]) | {"tiny": TOO_FEW}
    analysis = analyse_segments(effects)
    assert analysis.left_out == (("tiny", TOO_FEW),)
    assert analysis.interaction_df == 1


def test_one_segment_is_no_comparison():
    result = analyse_segments({"only": effect(0.1, 0.3), "tiny": TOO_FEW})
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_few_segments"


def test_false_positives_of_the_interaction_test():
    rng = np.random.default_rng(1)
    sizes, base = np.array([300, 800, 2000, 5000]), np.array([0.05, 0.1, 0.2, 0.15])
    found = 0
    for _ in range(1500):
        control, variant = rng.binomial(sizes, base), rng.binomial(sizes, base + 0.01)
        analysis = analyse_segments(
            {
                str(i): compare_proportions(
                    Counts(num_units=int(n), num_successes=int(c)),
                    Counts(num_units=int(n), num_successes=int(t)),
                    boundary=FIXED,
                )
                for i, (n, c, t) in enumerate(zip(sizes, control, variant, strict=True))
            }
        )
        found += analysis.outcome == "segments_differ"
    assert found / 1500 == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 1500))


def test_mixed_comparisons_are_refused():
    other = compare_estimates(
        Estimate(value=1.0, variance=0.1, num_units=5000),
        Estimate(value=1.0, variance=0.1, num_units=5000),
        boundary=AlwaysValid(0.05, 10_000),
        method="welch",
    )
    with pytest.raises(ValueError, match="effects have boundary always_valid, fixed_horizon"):
        analyse_segments({"a": effect(0.1, 0.3), "b": other})


def test_alpha_must_be_a_level():
    with pytest.raises(ValueError, match="alpha is 0"):
        analyse_segments({}, alpha=0)
