from __future__ import annotations

import itertools
import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.grouping import moments_by_group
from abtesting.statistics.moments import Counts, Moments
from tests.known_answers import cases
from tests.known_answers import close as close_to

values = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=0, max_size=30)


def close(first, second, scale=1.0):
    assert first.n == second.n
    assert first.means == pytest.approx(second.means, rel=1e-12, abs=1e-9)
    for row, other in zip(first.comoments, second.comoments, strict=True):
        assert row == pytest.approx(other, rel=1e-9, abs=1e-9 * scale)


@given(values, values, values)
def test_merging_parts_gives_the_moments_of_the_pooled_units(a, b, c):
    pooled = Moments.from_array(np.array(a + b + c))
    merged = sum((Moments.from_array(np.array(part)) for part in (a, b, c)), Moments.zero())
    close(merged, pooled, scale=max([abs(x) for x in a + b + c], default=1.0) ** 2 + 1)


@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 50)), min_size=2, max_size=30))
def test_merging_keeps_the_covariance_of_the_pooled_units(rows):
    half = len(rows) // 2
    merged = Moments.from_array(rows[:half]) + Moments.from_array(rows[half:])
    expected = np.cov(np.array(rows, dtype=float).T)
    assert merged.covariance(0, 1) == pytest.approx(expected[0, 1], rel=1e-9, abs=1e-9)
    assert merged.covariance(1, 1) == pytest.approx(expected[1, 1], rel=1e-9, abs=1e-9)


@given(values, values)
def test_merging_gives_the_same_in_either_order(a, b):
    first, second = Moments.from_array(np.array(a)), Moments.from_array(np.array(b))
    assert first + second == second + first


@given(values)
def test_merging_no_units_changes_nothing(a):
    moments = Moments.from_array(np.array(a))
    assert moments + Moments.zero() == moments


@given(values)
def test_moments_survive_json(a):
    moments = Moments.from_array([[x, 2 * x + 1] for x in a] or np.empty((0, 2)))
    assert Moments.from_dict(json.loads(json.dumps(moments.as_dict()))) == moments


@pytest.mark.parametrize("offset", [1e6, 1e9, 1e12])
def test_variance_keeps_its_digits_far_from_zero(offset):
    rng = np.random.default_rng(7)
    small = np.round(rng.normal(0, 10, 5000) * 8) / 8  # exact in binary at every offset
    near, far = Moments.from_array(small), Moments.from_array(small + offset)
    assert far.variance == pytest.approx(near.variance, rel=1e-12)


def test_merging_a_thousand_parts_keeps_the_digits_far_from_zero():
    rng = np.random.default_rng(8)
    parts = 1e9 + np.round(rng.normal(0, 10, (1000, 7)) * 8) / 8
    merged = sum(map(Moments.from_array, rng.permutation(parts)), Moments.zero())
    assert merged.variance == pytest.approx(np.var(parts - 1e9, ddof=1), rel=1e-7)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1e9 + 0.1])
def test_equal_values_have_exactly_no_variance(value):
    parts = [Moments.from_array([value] * n) for n in (3, 1, 7)]
    merged = parts[0] + parts[1] + parts[2]
    assert (merged.mean, merged.variance) == (value, 0.0)


def test_a_block_of_equal_units_needs_no_array():
    buyers = Moments.from_array([20.0, 35.0])
    everyone = buyers + Moments.constant(98, [0.0])
    close(everyone, Moments.from_array([20.0, 35.0] + [0.0] * 98))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, math.nan], r"values\[1\] is np.float64\(nan\)"),
        ([1.0, math.inf], r"values\[1\]"),
        ([[1.0, 2.0], [3.0, math.nan]], r"values\[1\]"),
        (3.0, "values has 0 dimensions"),
        ([1e200, -1e200], r"comoments\[0\]\[0\] is inf"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Moments.from_array(values)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": -1, "means": (0.0,), "comoments": ((0.0,),)}, "n is -1"),
        ({"n": 2.5, "means": (0.0,), "comoments": ((0.0,),)}, "n is 2.5"),
        ({"n": 2, "means": (), "comoments": ()}, "means is empty"),
        ({"n": 2, "means": (math.nan,), "comoments": ((0.0,),)}, r"means\[0\] is nan"),
        ({"n": 2, "means": (0.0,), "comoments": ((-1.0,),)}, r"comoments\[0\]\[0\] is -1.0"),
        ({"n": 2, "means": (0.0,), "comoments": ((0.0, 0.0),)}, "must be 1 rows of 1"),
        ({"n": 1, "means": (0.0,), "comoments": ((1.0,),)}, "with n = 1"),
        (
            {"n": 2, "means": (0.0, 0.0), "comoments": ((1.0, 0.5), (0.4, 1.0))},
            "must be equal",
        ),
    ],
)
def test_impossible_moments_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Moments(**fields)


@pytest.mark.parametrize(
    "data", [{}, {"n": 1, "means": None, "comoments": []}, {"n": 2, "means": ["x"], "comoments": 1}]
)
def test_a_dict_of_another_shape_is_refused(data):
    with pytest.raises(ValueError, match="they must have n"):
        Moments.from_dict(data)


def test_moments_of_different_columns_do_not_add():
    with pytest.raises(ValueError, match="1 and 2 columns"):
        Moments.zero(1) + Moments.zero(2)


def test_one_unit_has_no_variance():
    with pytest.raises(ValueError, match="at least 2 units"):
        _ = Moments.from_array([4.0]).variance


@pytest.mark.parametrize(
    ("num_units", "num_successes", "message"),
    [
        (10, 11, "num_successes is 11"),
        (-1, 0, "num_units is -1"),
        (10, -1, "num_successes is -1"),
        (10.0, 1, "num_units is 10.0"),
    ],
)
def test_impossible_counts_are_refused(num_units, num_successes, message):
    with pytest.raises(ValueError, match=message):
        Counts(num_units=num_units, num_successes=num_successes)


def test_counts_take_numpy_integers_and_add():
    total = Counts(num_units=np.int64(5), num_successes=np.int64(2)) + Counts(
        num_units=7, num_successes=0
    )
    assert total == Counts(num_units=12, num_successes=2)
    assert type(total.num_units) is int


@given(values, values, values)
def test_merging_parts_gives_the_third_moments_of_the_pooled_units(a, b, c):
    pooled = Moments.from_array(np.array(a + b + c))
    merged = sum((Moments.from_array(np.array(part)) for part in (a, b, c)), Moments.zero())
    scale = max([abs(x) for x in a + b + c], default=1.0) ** 3 + 1
    assert merged.thirds == pytest.approx(pooled.thirds, rel=1e-7, abs=1e-10 * scale)


@given(st.randoms(use_true_random=False), st.sampled_from([0.0, 1e6, -1e9]))
def test_parts_of_all_sizes_in_random_order_merge_to_the_pooled_moments(random, offset):
    rng = np.random.default_rng(random.randrange(2**32))
    # Multiples of 1/64 below 2^20: exact also with an offset of 1e9.
    data = np.round(rng.gamma(0.5, 20.0, 800) * 64) / 64 + offset
    ends = np.sort(rng.integers(0, len(data), 30))
    parts = [Moments.from_array(part) for part in np.split(data, ends)]
    random.shuffle(parts)
    merged = sum(parts, Moments.zero())
    small = [Fraction(x) for x in (data - offset)]
    mean = sum(small) / len(small)
    assert merged.mean == pytest.approx(float(mean) + offset, rel=1e-14)
    square = float(sum((x - mean) ** 2 for x in small))
    assert merged.comoments[0][0] == pytest.approx(square, rel=1e-7)
    if offset == 0:
        assert merged.comoments[0][0] == pytest.approx(square, rel=1e-12)
    third = float(sum((x - mean) ** 3 for x in small))
    assert merged.thirds[0] == pytest.approx(third, rel=1e-6)


def test_a_part_of_unknown_skewness_makes_that_of_the_sum_unknown():
    known = Moments.from_array([1.0, 2.0, 6.0])
    unknown = Moments.from_array([3.0, 4.0], thirds=False)
    assert unknown.thirds is None
    assert (known + unknown).thirds is None
    assert (known + Moments.zero()).thirds == known.thirds


def test_cubes_out_of_range_are_not_known_and_do_no_harm():
    huge = Moments.from_array([1e140, 2e140, 5e140])
    assert huge.thirds is None
    assert huge.variance > 0
    large = Moments.from_array([1e95, 2e95, 5e95])
    assert large.thirds is not None
    assert (large + Moments.constant(3, [-1e110])).thirds is None


def test_trillions_of_units_merge():
    trillion = 10**12
    total = Moments.constant(trillion, [0.0]) + Moments.constant(trillion, [2.0])
    assert total.n == 2 * trillion
    assert total.mean == 1.0
    assert total.variance == pytest.approx(1.0, rel=1e-11)
    assert total.thirds[0] == pytest.approx(0.0, abs=1e-3)


def test_moments_without_thirds_survive_json_as_before():
    moments = Moments.from_array([1.0, 2.0], thirds=False)
    data = json.loads(json.dumps(moments.as_dict()))
    assert "thirds" not in data
    assert Moments.from_dict(data) == moments


exact_values = st.lists(
    st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 9)), min_size=1, max_size=30
)


@given(exact_values, st.integers(-(10**12), 10**12))
def test_sums_of_integers_give_exact_moments_whatever_the_shift(rows, shift):
    near = [(x - shift, y) for x, y in rows]
    moments = Moments.from_sums(
        len(rows),
        [sum(x for x, _ in near), sum(y for _, y in near)],
        [
            [sum(x * x for x, _ in near), sum(x * y for x, y in near)],
            [sum(x * y for x, y in near), sum(y * y for _, y in near)],
        ],
        cubes=[sum(x**3 for x, _ in near), sum(y**3 for _, y in near)],
        shift=[shift, 0],
    )
    n = len(rows)
    means = [Fraction(sum(row[i] for row in rows), n) for i in (0, 1)]
    assert moments.means == tuple(float(mean) for mean in means)
    for i in (0, 1):
        for j in (0, 1):
            comoment = sum((row[i] - means[i]) * (row[j] - means[j]) for row in rows)
            assert moments.comoments[i][j] == float(comoment)
        assert moments.thirds[i] == float(sum((row[i] - means[i]) ** 3 for row in rows))


def test_sums_may_be_decimals_floats_and_numpy_integers():
    cents = [Decimal("0.10"), Decimal("1000000000.30"), Decimal("1000000000.50")]
    decimal = Moments.from_sums(3, [sum(cents)], [[sum(x * x for x in cents)]])
    assert decimal.means == (float(sum(cents) / 3),)
    floats = Moments.from_sums(2, [3.0], [[5.0]])
    assert floats == Moments.from_sums(2, [np.int64(3)], [[np.int64(5)]])
    assert (floats.variance, floats.thirds) == (0.5, None)


def test_rounding_in_sums_of_floats_is_no_negative_variance():
    value = 0.1 + 0.2
    moments = Moments.from_sums(3, [3 * value], [[3 * value * value * (1 - 1e-15)]])
    assert moments.variance == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, [3.0], [[1.0]]), r"comoments\[0\]\[0\] is -3.5"),
        ((2, [3.0], [[1.0, 2.0]]), "products is"),
        ((2, [math.nan], [[1.0]]), r"sums\[0\] is nan; it must be a finite number"),
        ((2, ["x"], [[1.0]]), r"sums\[0\] is 'x'"),
        ((-1, [3.0], [[1.0]]), "n is -1"),
        ((1, [3], [[10]]), "it must be 0 below 2 units"),
    ],
)
def test_impossible_sums_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Moments.from_sums(*arguments)


def test_shifts_and_cubes_are_one_for_each_column():
    with pytest.raises(ValueError, match="shift is"):
        Moments.from_sums(2, [3], [[5]], shift=[1, 2])
    with pytest.raises(ValueError, match="cubes is"):
        Moments.from_sums(2, [3], [[5]], cubes=[])


def test_sums_over_no_units_are_no_moments():
    assert Moments.from_sums(0, [0, 0], [[0, 0], [0, 0]]) == Moments.zero(2)


@pytest.mark.parametrize("thirds", [(1.0, 2.0), (math.nan,)])
def test_impossible_thirds_are_refused(thirds):
    with pytest.raises(ValueError, match="thirds"):
        Moments(n=2, means=(0.0,), comoments=((1.0,),), thirds=thirds)


@cases("moments", "numerical_stability")
def test_certified_and_exact_figures(case):
    inputs, expected = case["inputs"], case["expected"]
    if "chunk1" in inputs:
        parts = [inputs["chunk1"], inputs["chunk2"]]
    else:
        parts = [[inputs["first"]], inputs["pair"] * inputs["repeats"]]
    merged = sum(map(Moments.from_array, parts), Moments.zero())
    units = list(itertools.chain(*parts))
    pooled = Moments.from_array(units)
    values = [Fraction(x) for x in units]
    shift = Fraction(round(values[0]))
    near = [x - shift for x in values]
    summed = Moments.from_sums(len(near), [sum(near)], [[sum(x * x for x in near)]], shift=[shift])
    grouped = moments_by_group(units, [0] * len(units))[0]
    for moments in (merged, pooled, summed, grouped):
        found = {
            "mean": moments.mean,
            "var": moments.variance,
            "sd": math.sqrt(moments.variance),
        }
        for name in expected.keys() & found.keys():
            assert found[name] == pytest.approx(expected[name], **close_to(case)), name


def test_the_hardest_certified_set_keeps_its_digits():
    # NIST StRD NumAcc4: mean 10000000.2 and standard deviation 0.1, both exact.
    values = [10000000.2, *[10000000.1, 10000000.3] * 500]
    for moments in (Moments.from_array(values), *moments_by_group(values, [0] * 1001)):
        assert moments.mean == pytest.approx(10000000.2, rel=1e-15)
        assert math.sqrt(moments.variance) == pytest.approx(0.1, rel=1e-8)


def test_sum_adds_up_a_list_of_parts():
    parts = [Moments.from_array(values) for values in ([1.0, 2.0], [6.0], [3.0, 4.0])]
    assert sum(parts) == parts[0] + parts[1] + parts[2]
    counts = [Counts(num_units=n, num_successes=1) for n in (3, 4)]
    assert sum(counts) == Counts(num_units=7, num_successes=2)


@pytest.mark.parametrize("part", [Moments.zero(), Counts(num_units=1, num_successes=0)])
@pytest.mark.parametrize("other", [3, 0.5, "x", None, [0]])
def test_only_parts_of_one_kind_add(part, other):
    with pytest.raises(TypeError, match="unsupported operand"):
        part + other
    with pytest.raises(TypeError, match=r"unsupported operand|can only concatenate"):
        other + part


def test_counts_and_moments_do_not_add():
    with pytest.raises(TypeError, match="unsupported operand"):
        Moments.zero() + Counts(num_units=1, num_successes=0)
