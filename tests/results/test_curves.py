"""Curves: where lines, bands, ticks and guide lines are drawn."""

from __future__ import annotations

from abtesting.results.curves import curve_chart

RISING = [(0, 0.0), (50, 0.5), (100, 1.0)]


def test_lines_run_from_one_end_of_the_axis_to_the_other():
    chart = curve_chart([RISING, [(50, 0.2)]], highest=1.0, width=640, height=250)
    assert (chart.left, chart.right, chart.top, chart.bottom) == (64, 624, 10, 222)
    assert chart.curves[0].line == "64,222 344,116 624,10"
    assert [(p.index, p.x, p.y) for p in chart.curves[1].points] == [(0, 344, 179.6)]
    assert [tick.value for tick in chart.y_ticks] == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert all(36 <= tick.position <= 604 for tick in chart.x_ticks)


def test_a_band_goes_there_above_and_back_below():
    chart = curve_chart([RISING[:2]], bands=[[(0.0, 0.25), (0.25, 0.75)]], highest=1.0)
    assert chart.curves[0].band == "64,169 624,63 624,169 64,222"


def test_the_upright_axis_holds_the_level_guide_lines():
    chart = curve_chart([[(1, 0.01), (2, 0.02)]], y_marks=[0.05], x_marks=[1.5, 9])
    assert chart.y_marks[0] > chart.top
    assert chart.x_marks == (344.0,)


def test_one_point_or_nothing_but_zeros_still_has_axes():
    assert curve_chart([[(100, 0.0)]]).curves[0].line == "64,222"
    assert curve_chart([[]]) is None
