"""Numbers as people read them: rounding, signs, units, and what must not be rounded away."""

from __future__ import annotations

import pytest
from django.utils import translation

from abtesting.admin import formats

MONEY = {"format": "money", "unit_label": "€"}
NUMBER = {"format": "number", "unit_label": "items"}
PERCENT = {"format": "percent", "unit_label": ""}


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.0812, "+8.1%"),
        (0.059, "+5.9%"),  # 5.8999… in binary: rounded, not cut off
        (-0.12, "−12.0%"),
        (0.0004, "+0.04%"),
        (0.000004, "+0.0004%"),
        (0.0, "0.0%"),
        (45.0, "+4,500%"),
    ],
)
def test_changes_have_a_sign_and_keep_a_digit_that_is_not_zero(fraction, text):
    assert formats.change(fraction) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.10542, "10.54%"), (0.0057, "0.57%"), (0.00004, "0.004%"), (0, "0.00%")],
)
def test_rates_have_two_decimals_or_one_digit(fraction, text):
    assert formats.percent(fraction) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.95, "95%"), (0.975, "97.5%"), (0.9875, "98.75%"), (1 / 3, "33.33%")]
)
def test_levels_have_no_needless_zeros(fraction, text):
    assert formats.short_percent(fraction) == text


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ([0.024, 0.139], "+2.4% to +13.9%"),
        ([0.02, None], "at least +2.0%"),
        ([None, -0.05], "at most −5.0%"),
        ([None, None], "not bounded on either side"),
        (None, ""),
    ],
)
def test_an_unbounded_side_of_an_interval_is_said(ends, text):
    assert formats.interval(ends) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.012, "p = 0.012"),
        (0.41, "p = 0.41"),
        (0.00042, "p = 0.0004"),
        (0.00001, "p < 0.0001"),
        (0.0, "p < 0.0001"),
        (1.0, "p > 0.999"),
        (None, "–"),
    ],
)
def test_p_values_have_few_digits(p, text):
    assert formats.p_value(p) == text


@pytest.mark.parametrize(
    ("p", "text"), [(0.04996, "p = 0.050"), (0.05004, "p = 0.05004"), (0.0254, "p = 0.025")]
)
def test_a_p_value_is_never_rounded_across_its_threshold(p, text):
    assert formats.p_value(p, threshold=0.05) == text


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [
        (1.42262, MONEY, "€1.4226"),
        (54.316, MONEY, "€54.32"),
        (12345.6, MONEY, "€12,345.60"),
        (-3.5, MONEY, "−€3.5000"),
        (2.3141, NUMBER, "2.3141 items"),
        (1234.5, NUMBER, "1,234.5 items"),
        (0.1828, PERCENT, "18.28%"),
        (None, PERCENT, "–"),
    ],
)
def test_values_are_written_in_the_metrics_format(value, metric, text):
    assert formats.metric_value(value, metric).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [(0.0141, PERCENT, "+1.41 pp"), (-0.3, MONEY, "−€0.3000"), (0.0069, NUMBER, "+0.0069 items")],
)
def test_differences_are_in_the_metrics_own_unit(value, metric, text):
    assert formats.metric_difference(value, metric).replace("\xa0", " ") == text


@pytest.mark.parametrize(("fraction", "text"), [(0.999, "99%"), (1.0, "100%"), (1.3, "100%")])
def test_progress_is_complete_only_when_it_is(fraction, text):
    assert formats.progress(fraction) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "less than a minute"), (60, "1 minute"), (7300, "2 hours"), (200000, "2 days")],
)
def test_durations_are_in_their_largest_unit(seconds, text):
    assert formats.duration(seconds) == text


def test_labels_of_an_axis_have_the_decimals_that_its_step_needs():
    assert [formats.axis_change(x, 0.05) for x in (-0.05, 0, 0.05)] == ["−5%", "0%", "+5%"]
    assert formats.axis_change(0.005, 0.005) == "+0.5%"


def test_numbers_follow_the_language():
    with translation.override("de"):
        assert formats.change(12.345) == "+1.234%"
        assert formats.percent(0.1054) == "10,54%"
