"""Numbers as people read them: percent, lifts, money, p-values, intervals, in the user's locale.

The last step before a sentence or a table cell; used by the texts of the results page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

MINUS = "\N{MINUS SIGN}"


def number(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Return a localised number with a true minus sign, and a plus sign if `signed`."""
    # Rounded here: Django cuts the further decimals of a float off.
    rounded = Decimal(f"{abs(value):.{decimals}f}")
    text = str(formats.number_format(rounded, decimals, use_l10n=True, force_grouping=True))
    is_zero = not any(char in "123456789" for char in text)
    if is_zero:
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def percent(fraction: float, *, signed: bool = False) -> str:
    """Return a rate: 0.10542 → 10.54%."""
    points = fraction * 100
    return _percent_sign(number(points, _decimals(points, usual=2), signed=signed))


def change(fraction: float, *, signed: bool = True) -> str:
    """Return a relative change: 0.0812 → +8.1%. Small ones keep a digit that is not zero."""
    points = fraction * 100
    decimals = 0 if abs(points) >= 1000 else _decimals(points, usual=1)
    return _percent_sign(number(points, decimals, signed=signed))


def short_percent(fraction: float) -> str:
    """Return a share or confidence level without needless zeros: 0.95 → 95%, 0.975 → 97.5%."""
    points = round(fraction * 100, 2)
    decimals = next(d for d in (0, 1, 2) if d == 2 or round(points, d) == points)
    return _percent_sign(number(points, decimals))


def axis_change(fraction: float, step: float) -> str:
    """Return an axis label with as many decimals as the step between the labels needs."""
    decimals = max(0, -math.floor(math.log10(step * 100) + 1e-9)) if step else 0
    return _percent_sign(number(fraction * 100, decimals, signed=True))


def progress(fraction: float) -> str:
    """Return progress in whole percent, rounded down: 100% means that it is reached."""
    return _percent_sign(number(math.floor(min(fraction, 1.0) * 100 + 1e-9)))


def whole_percent(fraction: float) -> str:
    """Return an error rate in whole percent: 0.219 → 22%."""
    return _percent_sign(number(round(fraction * 100)))


def chance(probability: float) -> str:
    """Return a chance with one decimal; never certainty."""
    if probability > 0.999:
        return _("over %(percent)s") % {"percent": short_percent(0.999)}
    if probability < 0.001:
        return _("under %(percent)s") % {"percent": short_percent(0.001)}
    return _percent_sign(number(probability * 100, 1))


def interval(ends: Sequence[float | None] | None) -> str:
    """Return an interval of relative changes in words; an unbounded side is said."""
    if ends is None:
        return ""
    return _interval_words(*[None if end is None else change(end) for end in ends])


def metric_value(value: float | None, metric: Mapping[str, Any], *, signed: bool = False) -> str:
    """Return a metric's value in its format and unit, or a dash where there is none."""
    if value is None:
        return "–"
    if metric["format"] == "percent":
        return percent(value, signed=signed)
    size = abs(value)
    if metric["format"] == "money":
        text = number(size, 4 if 0 < size < 10 else 2)
    else:
        text = number(size, _decimals(size, usual=min(4, max(0, 4 - _magnitude(size)))))
    return _sign(value, signed=signed) + _with_unit(text, metric["unit_label"])


def metric_difference(value: float | None, metric: Mapping[str, Any]) -> str:
    """Return an absolute difference: percentage points for rates, else the metric's own unit."""
    if value is None:
        return "–"
    if metric["format"] != "percent":
        return metric_value(value, metric, signed=True)
    points = number(value * 100, _decimals(value * 100, usual=2), signed=True)
    return _("%(number)s pp") % {"number": points}


def metric_difference_interval(
    ends: Sequence[float | None] | None, metric: Mapping[str, Any]
) -> str:
    """Return an interval of absolute differences in words."""
    if ends is None:
        return ""
    return _interval_words(*[None if e is None else metric_difference(e, metric) for e in ends])


def metric_total(value: float, metric: Mapping[str, Any], *, numerator: bool) -> str:
    """Return a numerator or denominator: whole counts, or money with two decimals."""
    if numerator and metric["format"] == "money":
        return _sign(value) + _with_unit(number(abs(value), 2), metric["unit_label"])
    return number(value, 0 if float(value).is_integer() else 2)


def p_value(p: float | None, *, threshold: float | None = None) -> str:
    """Return "p = 0.012". Rounding never moves a p-value across its threshold."""
    if p is None:
        return "–"
    if p < 0.0001:
        return _("p < %(number)s") % {"number": number(0.0001, 4)}
    if p > 0.999:
        return _("p > %(number)s") % {"number": number(0.999, 3)}
    decimals = 2 if p >= 0.1 else 3 if p >= 0.001 else 4
    if threshold is not None:
        while decimals < 8 and (round(p, decimals) <= threshold) != (p <= threshold):
            decimals += 1
    return _("p = %(number)s") % {"number": number(p, decimals)}


def duration(seconds: float) -> str:
    """Return a duration in its largest whole unit: 90 → 1 minute, 7300 → 2 hours."""
    if seconds < 60:
        return _("less than a minute")
    minutes = int(seconds // 60)
    if minutes < 60:
        return ngettext("%(num)s minute", "%(num)s minutes", minutes) % {"num": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}
    days = hours // 24
    return ngettext("%(num)s day", "%(num)s days", days) % {"num": number(days)}


def units(num: int, unit: str) -> str:
    """Return how many units there are, named by what was randomised."""
    if unit == "visitor":
        text = ngettext("%(num)s visitor", "%(num)s visitors", num)
    elif unit == "user":
        text = ngettext("%(num)s user", "%(num)s users", num)
    else:
        text = ngettext("%(num)s unit", "%(num)s units", num)
    return text % {"num": number(num)}


def _decimals(value: float, *, usual: int) -> int:
    size = abs(value)
    if size == 0 or size >= 10.0**-usual:
        return usual
    return min(8, -math.floor(math.log10(size)))


def _magnitude(size: float) -> int:
    return math.floor(math.log10(size)) if size else 0


def _sign(value: float, *, signed: bool = False) -> str:
    if value < 0:
        return MINUS
    return "+" if signed and value > 0 else ""


def _with_unit(text: str, label: str) -> str:
    if not label:
        return text
    # Currency signs stand before the amount, words and abbreviations behind it.
    if not label[-1].isalnum():
        return f"{label}{text}"
    return f"{text}\N{NO-BREAK SPACE}{label}"


def _percent_sign(text: str) -> str:
    # Translators: where a language writes a space before the percent sign, put it here.
    return pgettext("percentage", "{number}%").format(number=text)


def _interval_words(lower: str | None, upper: str | None) -> str:
    if lower is None and upper is None:
        return _("not bounded on either side")
    if upper is None:
        return _("at least %(end)s") % {"end": lower}
    if lower is None:
        return _("at most %(end)s") % {"end": upper}
    return _("%(lower)s to %(upper)s") % {"lower": lower, "upper": upper}
