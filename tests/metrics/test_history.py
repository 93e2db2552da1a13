"""Units of the past: their totals are those of the analysis, whoever saw what."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from abtesting.metrics.history import past_units
from abtesting.metrics.kinds import unit_moments
from abtesting.metrics.sources import EventSource
from abtesting.models import Metric
from tests.builders import START, event, expose, make_experiment, make_metric
from tests.results.past import NOW, add_traffic

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def metrics_of(experiment):
    return [row.metric for row in experiment.experiment_metrics.select_related("metric")]


def many_metrics():
    return [
        make_metric(),
        make_metric("revenue", kind="mean", aggregation="sum"),
        make_metric("orders", kind="mean"),
        make_metric("orders-a-view", kind="ratio"),
        make_metric("soon", window_hours=1),
    ]


@pytest.mark.parametrize("unit", ["visitor", "user"])
def test_the_totals_make_the_moments_of_the_analysis(unit):
    experiment = make_experiment(metrics=many_metrics(), unit=unit)
    add_traffic(experiment, 300, field=unit)
    past = past_units([experiment], metrics_of(experiment), until=NOW)
    moments = EventSource().read(experiment, until=NOW).final
    assert past.num_units == sum(moments.num_units.values()) == 300
    for metric in metrics_of(experiment):
        values = past.totals[metric.key]
        columns = [values] if values.ndim == 1 else list(values.T)
        found = unit_moments(metric.kind, columns)
        control, variant = moments.metrics[metric.key].values()
        expected = control + variant
        if metric.kind == Metric.Kind.PROPORTION:
            assert found == expected
        else:
            assert found.means == pytest.approx(expected.means)
            assert found.comoments[0][0] == pytest.approx(expected.comoments[0][0])


def test_units_come_in_the_order_of_their_arrival():
    experiment = make_experiment()
    for hours, unit in ((30, "late"), (1, "early"), (2, "second")):
        expose(experiment, "control", unit, at=START + hours * HOUR)
    event(visitor="late", at=START + 31 * HOUR)
    event(visitor="early", at=START + 0.5 * HOUR)  # before its exposure
    past = past_units([experiment], [make_metric()], until=NOW)
    assert past.totals["conversion"].tolist() == [0, 0, 1]
    assert (past.num_units, past.num_days, past.units_by_day) == (3, 2, (2, 3))
    assert past.experiments == ("test",)


def test_a_unit_of_two_experiments_is_one_unit_from_its_first_exposure_on():
    first, second = make_experiment("first"), make_experiment("second")
    expose(first, "b", "a", at=START + HOUR)
    expose(second, "b", "a", at=START + 9 * HOUR)
    expose(second, "b", "c", at=START + 3 * HOUR)
    event(visitor="a", at=START + 2 * HOUR)
    past = past_units([first, second], [make_metric("orders", kind="mean")], until=NOW)
    assert past.totals["orders"].tolist() == [1, 0]


def test_what_comes_after_the_end_of_a_test_is_not_counted():
    experiment = make_experiment(state="stopped", ended_at=START + 5 * HOUR)
    expose(experiment, "b", "a", at=START + HOUR)
    event(visitor="a", at=START + 2 * HOUR)
    event(visitor="a", at=START + 6 * HOUR)
    past = past_units([experiment], [make_metric("orders", kind="mean")], until=NOW)
    assert past.totals["orders"].tolist() == [1]


def test_nothing_after_the_time_of_reading_is_read():
    experiment = make_experiment()
    expose(experiment, "b", "a", at=START + HOUR)
    expose(experiment, "b", "c", at=START + 3 * HOUR)
    event(visitor="a", at=START + 3 * HOUR)
    past = past_units([experiment], [make_metric()], until=START + 2 * HOUR)
    assert past.totals["conversion"].tolist() == [0]


def test_a_limit_keeps_the_oldest_units():
    experiment = make_experiment()
    add_traffic(experiment, 50)
    whole, some = (
        past_units([experiment], [make_metric()], until=NOW, limit=limit) for limit in (None, 20)
    )
    np.testing.assert_array_equal(some.totals["conversion"], whole.totals["conversion"][:20])


def test_without_units_there_are_no_days():
    past = past_units([make_experiment()], [make_metric()], until=NOW)
    assert (past.num_units, past.num_days, past.units_by_day) == (0, 0, ())


def test_queries_are_one_for_the_units_and_one_a_total(django_assert_num_queries):
    experiment = make_experiment(metrics=many_metrics())
    add_traffic(experiment, 30)
    metrics = metrics_of(experiment)
    with django_assert_num_queries(1 + 6):
        past_units([experiment], metrics, until=NOW)


def test_experiments_of_other_units_are_refused():
    one, two = make_experiment("one"), make_experiment("two", unit="user")
    with pytest.raises(ValueError, match="randomise user, visitor"):
        past_units([one, two], [], until=NOW)
    with pytest.raises(ValueError, match="randomise nothing"):
        past_units([], [], until=NOW)
