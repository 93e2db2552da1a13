from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.exact_tests import barnard_test, boschloo_test, fisher_test
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases


def arms(inputs):
    return (
        Counts(num_units=inputs["n_c"], num_successes=inputs["x_c"]),
        Counts(num_units=inputs["n_t"], num_successes=inputs["x_t"]),
    )


@st.composite
def tables(draw, largest=40):
    n_c, n_t = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    return {
        "x_c": draw(st.integers(0, n_c)),
        "n_c": n_c,
        "x_t": draw(st.integers(0, n_t)),
        "n_t": n_t,
    }


def as_table(inputs):
    x_c, n_c, x_t, n_t = (inputs[key] for key in ("x_c", "n_c", "x_t", "n_t"))
    return [[x_t, x_c], [n_t - x_t, n_c - x_c]]


@cases("exact_tests", "two_proportions_exact")
def test_exact_tests_of_two_rates(case):
    control, variant = arms(case["inputs"])
    tests = {"fisher": fisher_test, "barnard": barnard_test, "boschloo": boschloo_test}
    for name, expected in case["expected"].items():
        found = tests[name](control, variant)
        assert found.p_value == pytest.approx(expected, **case["tolerance"])
        assert found.method == name


@cases("exact_tests", "zero_event_robustness")
def test_fisher_without_events(case):
    found = fisher_test(*arms(case["inputs"]))
    assert found.p_value == pytest.approx(case["expected"]["fisher_p"], **case["tolerance"])


@given(tables(largest=3000))
def test_fisher_is_that_of_scipy(inputs):
    expected = stats.fisher_exact(as_table(inputs)).pvalue
    assert fisher_test(*arms(inputs)).p_value == pytest.approx(expected, rel=1e-8)


def largest_over_rates(extreme, n_c, n_t):
    rates = np.linspace(0, 1, 1501)[:, None]
    pmf_c = stats.binom.pmf(np.arange(n_c + 1), n_c, rates)
    pmf_t = stats.binom.pmf(np.arange(n_t + 1), n_t, rates)
    return np.einsum("gi,gj,ij->g", pmf_c, pmf_t, extreme.astype(float)).max()


@settings(max_examples=30)
@given(tables(largest=12))
def test_barnard_is_the_largest_sum_over_tables_with_a_larger_z(inputs):
    # SciPy splits ties by rounding, and its search may stop at a lower peak.
    n_c, n_t = inputs["n_c"], inputs["n_t"]
    i, j = np.mgrid[: n_c + 1, : n_t + 1]
    pooled = (i + j) / (n_c + n_t)
    variance = pooled * (1 - pooled) * (1 / n_c + 1 / n_t)
    z = abs(j / n_t - i / n_c) / np.sqrt(np.where(variance > 0, variance, 1))
    extreme = z >= z[inputs["x_c"], inputs["x_t"]] - 1e-9
    expected = largest_over_rates(extreme, n_c, n_t)
    assert barnard_test(*arms(inputs)).p_value == pytest.approx(expected, rel=1e-4)


@settings(max_examples=30)
@given(tables(largest=12))
def test_boschloo_is_the_largest_sum_over_tables_with_a_smaller_fisher_p(inputs):
    n_c, n_t = inputs["n_c"], inputs["n_t"]
    i, j = np.mgrid[: n_c + 1, : n_t + 1]
    one_sided = []
    for p in (
        stats.hypergeom.sf(j - 1, n_c + n_t, i + j, n_t),
        stats.hypergeom.cdf(j, n_c + n_t, i + j, n_t),
    ):
        extreme = p <= p[inputs["x_c"], inputs["x_t"]] * (1 + 1e-7)
        one_sided.append(largest_over_rates(extreme, n_c, n_t))
    expected = min(2 * min(one_sided), 1)
    assert boschloo_test(*arms(inputs)).p_value == pytest.approx(expected, rel=1e-4)


# Without tables whose z is the same but for rounding, which SciPy tells apart.
@pytest.mark.parametrize("table", [(7, 15, 11, 17), (3, 30, 11, 34), (0, 25, 5, 20)])
def test_barnard_and_boschloo_are_those_of_scipy(table):
    inputs = dict(zip(("x_c", "n_c", "x_t", "n_t"), table, strict=True))
    for test, oracle in (
        (barnard_test, stats.barnard_exact),
        (boschloo_test, stats.boschloo_exact),
    ):
        expected = oracle(as_table(inputs)).pvalue
        assert test(*arms(inputs)).p_value == pytest.approx(expected, rel=1e-4)


@settings(max_examples=20)
@given(tables())
def test_boschloo_is_never_less_powerful_than_fisher(inputs):
    both = arms(inputs)
    one_sided = min(
        stats.fisher_exact(as_table(inputs), alternative=side).pvalue
        for side in ("less", "greater")
    )
    assert boschloo_test(*both).p_value <= min(2 * one_sided, 1) * (1 + 1e-9)


@settings(max_examples=20)
@given(tables())
def test_swapping_the_arms_changes_nothing(inputs):
    control, variant = arms(inputs)
    for test in (fisher_test, barnard_test, boschloo_test):
        assert test(control, variant).p_value == pytest.approx(
            test(variant, control).p_value, rel=1e-6
        )


def test_fisher_of_large_tables_keeps_its_digits():
    control = Counts(num_units=1_000_000, num_successes=100_000)
    variant = Counts(num_units=1_000_000, num_successes=104_000)
    table = [[104_000, 100_000], [896_000, 900_000]]
    expected = stats.fisher_exact(table).pvalue
    assert expected < 1e-20
    assert fisher_test(control, variant).p_value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("x", [0, 9])
def test_certain_rates_are_no_evidence(x):
    arm = Counts(num_units=9, num_successes=x)
    for test in (fisher_test, barnard_test, boschloo_test):
        assert test(arm, arm).p_value == pytest.approx(1)


def test_what_gives_no_result():
    some, none = Counts(num_units=9, num_successes=3), Counts(num_units=0, num_successes=0)
    many = Counts(num_units=10_001, num_successes=3)
    for test in (fisher_test, barnard_test, boschloo_test):
        result = test(none, some)
        assert isinstance(result, NotEnoughData)
        assert result.code == "too_few_units"
    for test in (barnard_test, boschloo_test):
        result = test(some, many)
        assert isinstance(result, NotEnoughData)
        assert result.code == "too_many_units"
