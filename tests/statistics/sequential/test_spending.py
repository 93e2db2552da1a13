from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.sequential.spending import (
    HwangShihDeCani,
    KimDeMets,
    ObrienFleming,
    Pocock,
    spent,
)

FUNCTIONS = [
    ObrienFleming(),
    Pocock(),
    KimDeMets(1),
    KimDeMets(3),
    HwangShihDeCani(-4),
    HwangShihDeCani(0),
    HwangShihDeCani(2),
]
functions = st.sampled_from(FUNCTIONS)
levels = st.floats(1e-12, 0.5)


@given(functions, levels, st.floats(1e-3, 1), st.floats(1e-3, 1))
def test_more_information_spends_more(spending, level, one, other):
    early, late = sorted((one, other))
    assert 0 <= spent(spending, level, early) <= spent(spending, level, late) <= level * (1 + 1e-12)


@given(functions, levels, levels, st.floats(1e-3, 1))
def test_a_higher_level_spends_more(spending, one, other, information):
    low, high = sorted((one, other))
    assert spent(spending, low, information) <= spent(spending, high, information) * (1 + 1e-12)


@pytest.mark.parametrize("spending", FUNCTIONS)
def test_all_is_spent_at_the_plan_and_nothing_before_it(spending):
    assert spent(spending, 0.025, 1.0) == 0.025
    assert spent(spending, 0.025, 1.3) == 0.025
    assert spent(spending, 0.025, 0.0) == 0.0
    assert math.exp(spending.log_spent(math.log(0.025), 1.0)) == pytest.approx(0.025, rel=1e-12)


@given(levels, st.floats(0.05, 1))
def test_obrien_fleming_is_its_formula(level, information):
    z = stats.norm.isf(level / 2) / math.sqrt(information)
    assert spent(ObrienFleming(), level, information) == pytest.approx(
        2 * stats.norm.sf(z), rel=1e-9
    )


def test_levels_beyond_floats_are_spent_in_logs():
    log_spent = ObrienFleming().log_spent(-600.0, 0.5)
    assert -1200.0 < log_spent < -1190.0


@pytest.mark.parametrize("gamma", [0, -1, math.nan, math.inf])
def test_kim_demets_needs_a_positive_gamma(gamma):
    with pytest.raises(ValueError, match="gamma"):
        KimDeMets(gamma)


@pytest.mark.parametrize("gamma", [501, -501, math.nan])
def test_hwang_shih_decani_needs_a_gamma_that_floats_can_take(gamma):
    with pytest.raises(ValueError, match="gamma"):
        HwangShihDeCani(gamma)


@pytest.mark.parametrize(
    ("level", "information"), [(0, 0.5), (1, 0.5), (0.05, -1), (0.05, math.nan)]
)
def test_bad_input_is_an_error(level, information):
    with pytest.raises(ValueError, match=r"level|information"):
        spent(Pocock(), level, information)
