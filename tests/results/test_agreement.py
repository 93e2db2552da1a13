"""What must never disagree: p-values and intervals of a family, guardrails and their tests."""

from __future__ import annotations

import ast
import inspect

import numpy as np
import pytest
from django.utils import translation
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from abtesting.admin import sentences
from abtesting.metrics.moments import MomentsAt
from abtesting.models import Experiment, ExperimentMetric, Metric, Variant
from abtesting.results.comparisons import _COMPARE, metric_reports
from abtesting.results.decision import guardrail_verdict
from abtesting.results.plan import Plan
from abtesting.results.report import LookTaken
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon, of_side
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.margins.contrast import compare_with_margin, side_of_harm
from abtesting.statistics.margins.noninferiority import compare_noninferiority
from abtesting.statistics.means import compare_means, estimate_mean
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions, compare_proportions_by_score
from abtesting.statistics.rates.exact import compare_proportions_exact
from abtesting.statistics.rates.proportion_margins import compare_noninferiority_of_proportions
from abtesting.statistics.ratios import compare_ratios
from tests.builders import START

RULES = ("group_sequential", "always_valid", "fixed_horizon", "bayesian", "imported")
HARM = {"increase": "decrease", "decrease": "increase"}


def rates(control, variant, size=1000):
    """Counts of both variants, of so many units each."""
    arms = {"control": control, "b": variant}
    return {key: Counts(num_units=size, num_successes=count) for key, count in arms.items()}


@st.composite
def amounts(draw, num_columns=1):
    """Moments of both variants; a ratio divides by a number that is surely above 0."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shift = draw(st.floats(-0.4, 0.4))
    found = {}
    for key, mean in (("control", 5.0), ("b", 5.0 + shift)):
        columns = [rng.normal(mean, 2.0, 1000), rng.uniform(1.0, 3.0, 1000)][:num_columns]
        found[key] = Moments.from_array(np.column_stack(columns))
    return found


numbers = st.integers(60, 180)
metrics_of_any_kind = st.lists(
    st.one_of(
        st.tuples(st.just("proportion"), st.builds(rates, numbers, numbers)),
        st.tuples(st.just("mean"), amounts()),
        st.tuples(st.just("ratio"), amounts(2)),
    ),
    min_size=1,
    max_size=8,
)


def explained(rule, found, *, alpha=0.05, looks=(0.4, 0.8)):
    """The secondary comparisons of an experiment with this rule."""
    source = "imported" if rule == "imported" else "live"
    experiment = Experiment(
        key="x",
        source=source,
        decision_rule="" if rule == "imported" else rule,
        planned_num_units=2500,
        alpha=alpha,
    )
    taken = tuple(
        LookTaken(number=i, num_units=round(2500 * x), information=x, taken_at=START)
        for i, x in enumerate(looks)
    )
    plan = Plan(
        experiment=experiment,
        control=Variant(key="control", is_control=True),
        treatments=(Variant(key="b"),),
        rows=tuple(
            ExperimentMetric(metric=Metric(key=f"m{i}", kind=kind), role="secondary")
            for i, (kind, _moments) in enumerate(found)
        ),
        looks=taken if rule == "group_sequential" else (),
    )
    at = MomentsAt(
        num_units={"control": 1000, "b": 1000},
        metrics={f"m{i}": moments for i, (_kind, moments) in enumerate(found)},
    )
    reports = metric_reports(plan, goals_at=at, now=at, due=True)
    return [report.comparisons[0] for report in reports]


def leaves_zero_out(ends):
    lower, upper = ends
    return (lower is not None and lower > 0) or (upper is not None and upper < 0)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=40)
@given(found=metrics_of_any_kind, alpha=st.sampled_from([0.05, 0.01, 0.2]))
def test_adjusted_p_values_and_intervals_of_secondary_metrics_agree(rule, found, alpha):
    comparisons = explained(rule, found, alpha=alpha)
    p_values = [c.p_value for c in comparisons]
    adjusted = [c.adjusted_p_value for c in comparisons]
    # The p-values that are shown are the ones that were adjusted, whatever the level.
    assert adjusted == pytest.approx(list(adjust(p_values, method="bh")))
    for comparison, p_value in zip(comparisons, adjusted, strict=True):
        assume(abs(p_value - alpha) > 1e-6)
        assert leaves_zero_out(comparison.difference_interval) == (p_value < alpha)
        assert leaves_zero_out(comparison.lift_interval) == (p_value < alpha)


def test_a_mixture_of_its_own_for_each_level_would_contradict_itself():
    # Of two secondary metrics one is compared at 2.5 %, by the mixture that is tuned to 5 %.
    found = [("proportion", rates(100, 152)), ("proportion", rates(100, 100))]
    first, _second = explained("always_valid", found)
    arms = rates(100, 152).values()
    same = compare_proportions(*arms, boundary=AlwaysValid(0.025, 2500, tuned_alpha=0.05))
    other = compare_proportions(*arms, boundary=AlwaysValid(0.025, 2500))
    assert first.confidence_level == 0.975
    assert first.p_value == same.p_value
    assert first.p_value != pytest.approx(other.p_value, rel=1e-3)


def test_a_secondary_metric_without_a_result_has_no_adjusted_p_value():
    rng = np.random.default_rng(3)
    small = Moments.from_array(rng.lognormal(0, 3, 300)[:, np.newaxis])
    large = Moments.from_array(rng.lognormal(0, 3, 2700)[:, np.newaxis])
    found = [("mean", {"control": large, "b": small}), ("proportion", rates(100, 160))]
    uneven, even = explained("group_sequential", found)
    assert (uneven.verdict, uneven.adjusted_p_value) == ("no_result", None)
    assert even.adjusted_p_value is not None


# Guardrails


margins = st.floats(0.01, 0.5)
directions = st.sampled_from(["increase", "decrease"])


def shows_safe(result):
    """What the one-sided test of non-inferiority says, or None next to its level."""
    assume(abs(result.p_value - result.alpha) > 1e-6)
    return result.is_noninferior


@given(
    st.integers(20, 400),
    st.integers(20, 400),
    st.integers(500, 3000),
    margins,
    directions,
    st.sampled_from([0.05, 0.025]),
)
def test_a_rates_guardrail_is_safe_when_the_one_sided_score_test_says_so(
    control, variant, size, margin, direction, alpha
):
    arms = rates(control, variant, size).values()
    effect = compare_proportions(*arms, boundary=FixedHorizon(alpha))
    assume(effect.method == "score")
    result = compare_noninferiority_of_proportions(
        *arms,
        margin=margin,
        boundary=FixedHorizon(alpha / 2),
        scale="relative",
        harm=HARM[direction],
    )
    is_safe = guardrail_verdict(effect, direction, margin) == "safe"
    assert is_safe == shows_safe(result)


@pytest.mark.parametrize("metric", ["mean", "ratio"])
@given(data=st.data(), margin=margins, direction=directions)
def test_an_amounts_guardrail_is_safe_when_the_one_sided_contrast_says_so(
    metric, data, margin, direction
):
    arms = data.draw(amounts(1 if metric == "mean" else 2)).values()
    compare = {"mean": compare_means, "ratio": compare_ratios}[metric]
    effect = compare(*arms, boundary=FixedHorizon(0.05))
    result = compare_noninferiority(
        *arms,
        margin=margin,
        boundary=FixedHorizon(0.025),
        scale="relative",
        harm=HARM[direction],
        metric=metric,
    )
    is_safe = guardrail_verdict(effect, direction, margin) == "safe"
    assert is_safe == shows_safe(result)


@pytest.mark.parametrize("make", [FixedHorizon, lambda alpha: AlwaysValid(alpha, 4000)])
@given(moments=amounts(), margin=margins, direction=directions)
def test_a_guardrail_of_any_boundary_is_the_test_of_a_loss_of_the_margin(
    make, moments, margin, direction
):
    boundary = make(0.05)
    effect = compare_means(*moments.values(), boundary=boundary)
    harm = HARM[direction]
    loss = -margin if harm == "decrease" else margin
    result = compare_with_margin(
        *(estimate_mean(arm) for arm in moments.values()),
        loss,
        scale="relative",
        boundary=boundary,
        covariance=0.0,
    )
    assume(abs(result.p_value - 0.05) > 1e-6)
    on_the_good_side = (result.z > 0) == (side_of_harm(harm) == "greater")
    verdict = guardrail_verdict(effect, direction, margin)
    if result.p_value >= 0.05:
        assert verdict == "not_shown_safe"
    else:
        assert verdict == ("safe" if on_the_good_side else "harmed")


def test_half_of_both_sides_is_one_side():
    one = of_side(FixedHorizon(0.025), "greater")
    assert one.critical(100, None) == FixedHorizon(0.05).critical(100, None)


# Names of methods


def methods_of_comparisons():
    """Every method that a compare function of the results can name, as its source has them."""
    functions = {*_COMPARE.values(), compare_proportions_by_score, compare_proportions_exact}
    nodes = [
        node for function in functions for node in ast.walk(ast.parse(inspect.getsource(function)))
    ]
    return sorted(
        node.value.value
        for node in nodes
        if isinstance(node, ast.keyword)
        and node.arg == "method"
        and isinstance(node.value, ast.Constant)
    )


def test_the_methods_are_the_ones_that_comparisons_return():
    few = compare_proportions(*rates(0, 4).values(), boundary=FixedHorizon(0.05))
    many = compare_proportions(*rates(100, 120).values(), boundary=FixedHorizon(0.05))
    arm = Moments.from_array(np.random.default_rng(1).normal(5, 1, (50, 2)))
    mean = compare_means(arm, arm, boundary=FixedHorizon(0.05))
    ratio = compare_ratios(arm, arm, boundary=FixedHorizon(0.05))
    found = [effect.method for effect in (ratio, few, many, mean)]
    assert found == methods_of_comparisons()


@pytest.mark.parametrize("method", methods_of_comparisons())
def test_every_method_has_a_name_in_both_languages(method):
    english = sentences.method_name(method)
    assert english != method
    with translation.override("zh-hans"):
        chinese = sentences.method_name(method)
    assert chinese not in (method, english)


def test_the_exact_test_has_its_name():
    assert sentences.method_name("exact") == "Exact score test"
