"""Geometry of the charts: shapes stay inside, keep their order, and share one axis."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.results.charts import (
    bar_chart,
    forest_axis,
    forest_row,
    share_bar,
    trend_charts,
)
from abtesting.results.scales import Scale, date_ticks, lift_range, nice_ticks, time_scale

lifts = st.floats(-5, 50).map(lambda x: round(x, 6))
ends = st.one_of(st.none(), lifts)


@st.composite
def comparisons(draw):
    low, lift, high = sorted(draw(st.tuples(lifts, lifts, lifts)))
    has_low, has_high = draw(st.booleans()), draw(st.booleans())
    if draw(st.booleans()) and draw(st.booleans()):
        return {"lift": None, "lift_interval": None}
    return {"lift": lift, "lift_interval": [low if has_low else None, high if has_high else None]}


def compare(lift, low, high):
    return {"lift": lift, "lift_interval": [low, high]}


def points_of(text):
    return [tuple(float(n) for n in pair.split(",")) for pair in text.split()]


def trend(points, **options):
    (chart,) = trend_charts([{"metric": "m", "variant": "b", "points": points}], **options)
    return chart


def day(number, lift, low=None, high=None):
    interval = None if lift is None else [low, high]
    return {
        "date": f"2026-11-{number:02d}",
        "num_units": 10,
        "lift": lift,
        "lift_interval": interval,
    }


@given(st.lists(comparisons(), max_size=8), st.lists(st.floats(-0.2, 0.2), max_size=3))
def test_forest_rows_stay_inside_the_axis_and_in_order(rows, marks):
    axis = forest_axis(rows, marks=marks)
    assert 0 <= axis.zero <= axis.width
    for row in rows:
        shape = forest_row(axis, lift=row["lift"], interval=row["lift_interval"], marks=marks)
        assert shape.zero == axis.zero
        if shape.start is None:
            assert row["lift_interval"] is None
            continue
        assert 0 < shape.start <= shape.end < axis.width
        if shape.point is not None:
            assert shape.start <= shape.point <= shape.end
        for text in (shape.arrow_start, shape.arrow_end):
            assert all(0 <= x <= axis.width and 0 <= y <= shape.height for x, y in points_of(text))


@given(st.lists(comparisons(), min_size=1, max_size=8))
def test_forest_ticks_are_ordered_round_and_hold_zero_at_the_zero_line(rows):
    axis = forest_axis(rows)
    positions = [tick.position for tick in axis.ticks]
    assert positions == sorted(set(positions))
    assert all(tick.position == axis.zero for tick in axis.ticks if tick.value == 0)


def test_equal_lifts_of_different_rows_stand_at_the_same_place():
    rows = [compare(0.05, -0.01, 0.11), compare(0.05, 0.04, 0.06)]
    axis = forest_axis(rows)
    shapes = [forest_row(axis, lift=r["lift"], interval=r["lift_interval"]) for r in rows]
    assert shapes[0].point == shapes[1].point
    assert shapes[0].start < shapes[1].start < shapes[1].end < shapes[0].end


def test_an_unbounded_end_is_an_arrow_at_the_edge():
    axis = forest_axis([compare(0.4, 0.02, None)])
    shape = forest_row(axis, lift=0.4, interval=[0.02, None])
    assert shape.arrow_start == ""
    tip, base, _ = points_of(shape.arrow_end)
    assert base[0] == shape.end == axis.scale.end
    assert shape.end < tip[0] <= axis.width


def test_an_ordinary_interval_has_no_arrow():
    axis = forest_axis([compare(0.08, 0.02, 0.14), compare(0.21, 0.09, 0.33)])
    shape = forest_row(axis, lift=0.21, interval=[0.09, 0.33])
    assert (shape.arrow_start, shape.arrow_end) == ("", "")
    assert shape.point is not None


def test_an_extreme_interval_is_clipped_and_does_not_squeeze_the_others():
    ordinary = [compare(0.05, -0.02, 0.12), compare(0.01, -0.06, 0.08)]
    extreme = compare(45.0, 20.0, 90.0)
    axis = forest_axis([*ordinary, extreme])
    shape = forest_row(axis, lift=45.0, interval=[20.0, 90.0])
    assert shape.arrow_end
    assert shape.point is None
    first = forest_row(axis, lift=0.05, interval=[-0.02, 0.12])
    assert first.end - first.start > axis.width / 3


def test_marks_are_visible_even_beyond_every_interval():
    axis = forest_axis([compare(0.001, -0.002, 0.004)], marks=[-0.05, 0.05])
    shape = forest_row(axis, lift=0.001, interval=[-0.002, 0.004], marks=[-0.05, 0.05])
    assert len(shape.marks) == 2
    assert shape.marks[0] < axis.zero < shape.marks[1]


def test_without_numbers_the_axis_still_has_a_zero_and_ticks():
    axis = forest_axis([{"lift": None, "lift_interval": None}])
    assert 0 in {tick.value for tick in axis.ticks}
    assert lift_range([]) == (-0.1, 0.1)


def test_a_row_without_result_has_nothing_to_draw_but_zero():
    shape = forest_row(forest_axis([]), lift=None, interval=None)
    assert (shape.start, shape.end, shape.point) == (None, None, None)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (-0.12, 0.16, [-0.1, -0.05, 0.0, 0.05, 0.1, 0.15]),
        (0, 2.0, [0.0, 0.5, 1.0, 1.5, 2.0]),
        (-3.5e-4, 3e-4, [-2e-4, 0.0, 2e-4]),
    ],
)
def test_ticks_are_round(lower, upper, expected):
    scale = Scale(lower=lower, upper=upper, start=0, end=100)
    assert [tick.value for tick in nice_ticks(scale)] == pytest.approx(expected)


@given(st.lists(st.tuples(ends, ends, ends), min_size=1, max_size=20))
def test_trend_shapes_stay_inside_the_plot(days):
    rows = []
    for number, (lift, low, high) in enumerate(days, start=1):
        rows.append(day(number, lift, low, high))
    chart = trend(rows)
    inside_x = (chart.left, chart.right)
    for text in (*chart.lines, *chart.ribbons):
        for x, y in points_of(text):
            assert inside_x[0] <= x <= inside_x[1]
            assert chart.top <= y <= chart.bottom
    for point in chart.points:
        assert chart.top <= point.y <= chart.bottom
    assert all(chart.top <= tick.position <= chart.bottom for tick in chart.y_ticks)


def test_variants_of_a_metric_share_both_axes():
    one = {"metric": "m", "variant": "b", "points": [day(1, 0.1, 0.0, 0.2), day(5, 0.1, 0.0, 0.2)]}
    two = {"metric": "m", "variant": "c", "points": [day(1, -0.1, -0.2, 0.0)]}
    first, second = trend_charts([one, two])
    assert first.zero == second.zero
    assert first.y_ticks == second.y_ticks
    assert first.x_ticks == second.x_ticks
    assert first.points[0].x == second.points[0].x
    assert first.points[0].y < first.zero < second.points[0].y


def test_days_stand_at_their_distance_in_time():
    chart = trend([day(1, 0.1, 0.0, 0.2), day(2, 0.1, 0.0, 0.2), day(5, 0.1, 0.0, 0.2)])
    a, b, c = (point.x for point in chart.points)
    assert c - b == pytest.approx(3 * (b - a), rel=1e-3)


def test_a_day_without_estimate_breaks_the_line():
    rows = [day(n, None if n == 3 else 0.1, 0.0, 0.2) for n in range(1, 6)]
    chart = trend(rows)
    assert [len(points_of(line)) for line in chart.lines] == [2, 2]
    assert [len(points_of(band)) for band in chart.ribbons] == [4, 4]


def test_one_day_is_a_point_with_a_whisker_in_the_middle():
    chart = trend([day(9, 0.1, 0.02, 0.18)])
    (point,) = chart.points
    assert (chart.lines, chart.ribbons) == ((), ())
    assert point.x == pytest.approx((chart.left + chart.right) / 2)
    assert point.whisker_start > point.y > point.whisker_end
    assert [tick.day for tick in chart.x_ticks] == [date(2026, 11, 9)]


def test_an_early_extreme_estimate_is_hidden_and_counted():
    rows = [day(1, 9.0, -3.0, 20.0), *(day(n, 0.05, 0.0, 0.1) for n in range(2, 9))]
    chart = trend(rows)
    assert chart.num_hidden == 1
    assert [point.index for point in chart.points] == list(range(1, 8))


def test_no_series_gives_no_chart():
    assert trend_charts([]) == ()
    assert bar_chart([], ["control", "b"]) is None


def test_bars_stack_without_gap_and_in_proportion():
    days = [
        {"date": "2026-11-09", "num_units": {"control": 60, "b": 30}},
        {"date": "2026-11-10", "num_units": {"control": 20}},
    ]
    chart = bar_chart(days, ["control", "b"])
    low, high, second = chart.bars
    assert low.y + low.height == pytest.approx(chart.bottom)
    assert high.y + high.height == pytest.approx(low.y)
    assert low.height == pytest.approx(2 * high.height, abs=0.02)
    assert second.height == pytest.approx(low.height / 3, abs=0.02)
    assert chart.left <= low.x
    assert low.x + low.width < second.x
    assert second.x + second.width <= chart.right


def test_bars_stand_under_the_trend_of_the_same_days():
    rows = [day(n, 0.1, 0.0, 0.2) for n in range(9, 13)]
    exposures = [{"date": row["date"], "num_units": {"b": 5}} for row in rows]
    chart, bars = trend(rows), bar_chart(exposures, ["b"])
    centres = [bar.x + bar.width / 2 for bar in bars.bars]
    assert centres == pytest.approx([point.x for point in chart.points], abs=0.02)


@given(st.integers(1, 900))
def test_dates_get_at_most_six_ticks(num_days):
    first = date(2026, 1, 1).toordinal()
    days = [date.fromordinal(first), date.fromordinal(first + num_days - 1)]
    ticks = date_ticks(time_scale(days, 0, 600))
    assert 1 <= len(ticks) <= 6
    assert ticks[0].day == days[0]
    assert all(0 <= tick.position <= 600 for tick in ticks)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_shares_fill_the_bar_side_by_side(shares):
    parts = share_bar(shares, width=100)
    for before, after in pairwise(parts):
        assert before.x + before.width == pytest.approx(after.x, abs=0.011)
    if sum(shares):
        assert parts[-1].x + parts[-1].width == pytest.approx(100, abs=0.02)
