from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.families.gatekeeping import Graph, graphical_test, role_graph
from abtesting.statistics.families.multiplicity import adjust

P_VALUES = st.lists(st.floats(0, 1) | st.floats(0, 0.05), min_size=1, max_size=5)


def holm_graph(m):
    off = 1 / (m - 1) if m > 1 else 0.0
    return Graph(
        weights=(1 / m,) * m,
        transitions=tuple(tuple(0.0 if i == j else off for j in range(m)) for i in range(m)),
    )


@st.composite
def graphs(draw, m):
    def row(without):
        raw = [0.0 if j == without else draw(st.sampled_from([0, 1, 1, 3])) for j in range(m)]
        total = sum(raw) or 1
        return tuple(value / total for value in raw)

    return Graph(weights=row(None), transitions=tuple(row(i) for i in range(m)))


@given(P_VALUES)
def test_holm_is_a_graph(p_values):
    result = graphical_test(p_values, holm_graph(len(p_values)))
    assert result.adjusted_p_values == pytest.approx(adjust(p_values, method="holm"))


def test_a_fixed_sequence_is_a_graph():
    chain = Graph(weights=(1, 0, 0), transitions=((0, 1, 0), (0, 0, 1), (0, 0, 0)))
    assert graphical_test([0.01, 0.04, 0.03], chain).rejected == (True, True, True)
    assert graphical_test([0.01, 0.06, 0.001], chain).rejected == (True, False, False)
    assert graphical_test([0.06, 0.001, 0.001], chain).adjusted_p_values == (0.06, 0.06, 0.06)


def test_the_worked_example_of_two_primary_and_two_secondary_hypotheses():
    """Bretz et al. (2009), parallel gatekeeping with alpha 0.025 as in their section 3."""
    graph = Graph(
        weights=(0.5, 0.5, 0, 0),
        transitions=((0, 0.5, 0.5, 0), (0.5, 0, 0, 0.5), (0, 1, 0, 0), (1, 0, 0, 0)),
    )
    result = graphical_test([0.01, 0.02, 0.005, 0.5], graph, alpha=0.025)
    # 0.01 <= 0.0125; then the third has 0.00625 and the second 0.01875; the third passes on to
    # the second, which then has 0.025.
    assert result.order == (0, 2, 1)
    assert result.rejected == (True, True, True, False)
    assert result.levels == (None, None, None, pytest.approx(0.025))


@settings(max_examples=150)
@given(st.data(), st.integers(1, 4))
def test_the_shortcut_decides_as_closed_testing_does(data, m):
    graph = data.draw(graphs(m))
    p_values = data.draw(st.lists(st.floats(0, 0.3), min_size=m, max_size=m))
    adjusted = graphical_test(p_values, graph).adjusted_p_values
    local = {}
    for size in range(1, m + 1):
        for chosen in combinations(range(m), size):
            reduced = graph
            for i in set(range(m)) - set(chosen):
                reduced = reduced.without(i)
            ratios = [p_values[i] / w for i in chosen if (w := reduced.weights[i]) > 1e-12]
            local[chosen] = min([1.0, *ratios])
    expected = [max(p for chosen, p in local.items() if i in chosen) for i in range(m)]
    assert adjusted == pytest.approx(expected, rel=1e-6)


@settings(max_examples=80)
@given(st.data(), st.integers(2, 4))
def test_the_order_of_removal_plays_no_part(data, m):
    graph = data.draw(graphs(m))
    first, second = graph.without(0).without(1), graph.without(1).without(0)
    assert first.weights == pytest.approx(second.weights, abs=1e-9)
    for one, other in zip(first.transitions, second.transitions, strict=True):
        assert one == pytest.approx(other, abs=1e-9)


def test_goals_share_alpha_and_win_it_for_their_secondary_metrics():
    graph = role_graph(["goal", "goal", "secondary", "secondary"])
    assert graph.weights == (0.5, 0.5, 0.0, 0.0)
    assert graph.transitions[0] == (0.0, 0.5, 0.25, 0.25)
    assert graph.transitions[2] == (0.0, 0.0, 0.0, 1.0)
    nothing_won = graphical_test([0.03, 0.2, 1e-9, 1e-9], graph)
    assert nothing_won.rejected == (False,) * 4
    # The first goal gives each secondary metric 1/8 of alpha, the second goal 3/4.
    won = graphical_test([0.01, 0.2, 0.006, 0.5], graph)
    assert won.rejected == (True, False, True, False)
    assert won.levels[1] == pytest.approx(0.05 * 0.75)


def test_the_last_goal_gives_all_of_alpha():
    graph = role_graph(["goal", "goal", "secondary"], to_secondary=0.2)
    result = graphical_test([0.01, 0.04, 0.049], graph)
    assert result.rejected == (True, True, True)
    waits = role_graph(["goal", "goal", "secondary"], to_secondary=0)
    assert graphical_test([0.01, 0.06, 1e-9], waits).rejected == (True, False, False)


def test_a_secondary_metric_waits_for_a_goal_of_its_own_variant():
    graph = role_graph(["goal", "secondary", "goal", "secondary"], variants=["a", "a", "b", "b"])
    result = graphical_test([0.001, 0.2, 0.5, 1e-12], graph)
    assert result.rejected == (True, False, False, False)
    assert graphical_test([0.001, 0.2, 0.02, 1e-12], graph).rejected[3]


def test_one_goal_is_tested_at_alpha():
    assert role_graph(["goal"]) == Graph(weights=(1.0,), transitions=((0.0,),))
    assert graphical_test([0.049], role_graph(["goal"])).rejected == (True,)


def test_family_wise_error_with_goals_and_secondary_metrics():
    """10 metrics x 3 variants, correlated; a third of the null hypotheses is false."""
    rng = np.random.default_rng(909)
    roles = (["goal"] * 2 + ["secondary"] * 8) * 3
    graph = role_graph(roles, variants=[v for v in "abc" for _ in range(10)])
    num_runs = 1_000
    shared = rng.standard_normal((num_runs, 4, 1))
    arms = np.sqrt(0.5) * (shared + rng.standard_normal((num_runs, 4, 10)))
    z = ((arms[:, 1:] - arms[:, :1]) / np.sqrt(2)).reshape(num_runs, 30)
    shift = np.where(np.arange(30) % 10 == 0, 4.0, 0.0)
    p_values = 2 * stats.norm.sf(np.abs(z + shift))
    false = sum(
        any(r for r, s in zip(graphical_test(row, graph).rejected, shift, strict=True) if not s)
        for row in p_values.tolist()
    )
    assert false / num_runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / num_runs)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Graph(weights=(), transitions=()), "there are 0 weights"),
        (lambda: Graph(weights=(1,), transitions=((0, 0),)), "there are 1 weights"),
        (lambda: Graph(weights=(0.6, 0.6), transitions=((0, 0), (0, 0))), "weights have the sum"),
        (lambda: Graph(weights=(-0.1, 0.6), transitions=((0, 0), (0, 0))), r"weights\[0\] is -0.1"),
        (lambda: Graph(weights=(1, 0), transitions=((0.5, 0.5), (0, 0))), "must be 0"),
        (lambda: graphical_test([0.1], holm_graph(2)), "there are 1 p-values and 2 weights"),
        (lambda: graphical_test([0.1, -1], holm_graph(2)), r"p_values\[1\] is -1"),
        (lambda: role_graph(["secondary"]), "roles has no goal"),
        (lambda: role_graph(["goal", "guard"]), r"roles\[1\] is 'guard'"),
        (lambda: role_graph(["goal"], variants=["a", "b"]), "1 roles and 2 variants"),
        (lambda: role_graph(["goal", "secondary"], variants=["a", "b"]), "have no goal"),
        (lambda: role_graph(["goal"], to_secondary=2), "to_secondary is 2"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
