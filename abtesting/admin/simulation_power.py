"""The simulation page on power: how often a change is found, variant by variant."""

from __future__ import annotations

from django.utils.translation import gettext as _

from abtesting.admin import formats
from abtesting.admin.plots import make_plot
from abtesting.admin.simulation_parts import (
    Payload,
    Section,
    metric_of,
    named,
    share_text,
    title,
)
from abtesting.results.power_curve import GOOD_POWER


def power(payload: Payload) -> Section:
    """What the test can find; one curve for all variants of the same weight."""
    part = payload["power"]
    curves = part["curves"]
    points = curves[0]["points"]
    lifts = [point["lift"] for point in points]
    is_one = len(curves) == 1
    finds = [
        _("Tests that find it") if is_one else named(payload, curve["variants"]) for curve in curves
    ]
    used, worse = _("Share of the sample used"), _("Called worse")
    series = [[(abs(p["lift"]), p["found"]["value"]) for p in curve["points"]] for curve in curves]
    extra = [
        (head if is_one else f"{name}: {head}", [share_text(p[field]) for p in curve["points"]])
        for name, curve in zip(finds, curves, strict=True)
        for head, field in ((used, "sample_used"), (worse, "lost"))
    ]
    if is_one:  # room for a second line
        series.append([(abs(p["lift"]), p["sample_used"]) for p in points])
        extra = extra[1:]
    return Section(
        key="power",
        title=title("power"),
        sentence=_power_sentence(payload),
        details=tuple(_power_details(payload)),
        plot=make_plot(
            series,
            bands=[
                [(p["found"]["lower"], p["found"]["upper"]) for p in curve["points"]]
                for curve in curves
            ],
            title=_("Share of tests that find a change, by its size"),
            x_name=_("True change"),
            names=(*finds, used) if is_one else finds,
            x_text=formats.change,
            y_text=share_text,
            x_axis=lambda lift: formats.change(lift if max(lifts) > 0 else -lift),
            y_axis=formats.short_percent,
            highest=1.0,
            y_marks=[GOOD_POWER],
            mark=_mark(part),
            x_marks=[part["minimum_lift"]] if part["minimum_lift"] else [],
            keys=lifts,
            extra=extra,
        ),
    )


def _mark(part: Payload) -> str:
    """What the dotted lines are."""
    names = {"share": formats.short_percent(GOOD_POWER)}
    if not part["minimum_lift"]:
        return _("%(share)s of tests") % names
    return _("%(share)s of tests; smallest change of interest") % names


def _power_sentence(payload: Payload) -> str:
    part = payload["power"]
    names = {
        "metric": metric_of(payload, part)["name"],
        "units": formats.units(part["num_units"], payload["unit"]),
        "share": formats.short_percent(GOOD_POWER),
    }
    smallest = [curve["smallest_lift"] for curve in part["curves"]]
    if all(lift is None for lift in smallest):
        return (
            _("No change that was tried in %(metric)s is found in %(share)s of tests of %(units)s.")
            % names
        )
    if len(smallest) == 1:
        text = _(
            "A change of %(lift)s in %(metric)s is found in %(share)s of tests of %(units)s; "
            "smaller ones are found less often."
        )
        return text % {**names, "lift": formats.change(smallest[0])}
    text = _("Changes in %(metric)s that are found in %(share)s of tests of %(units)s: %(list)s.")
    found = [
        _("%(variant)s %(lift)s")
        % {
            "variant": named(payload, curve["variants"]),
            "lift": _("none that was tried") if lift is None else formats.change(lift),
        }
        for curve, lift in zip(part["curves"], smallest, strict=True)
    ]
    return text % {**names, "list": ", ".join(found)}


def _power_details(payload: Payload) -> list[tuple[str, str]]:
    """What was simulated, and what the words mean."""
    part = payload["power"]
    curves, wanted = part["curves"], part["minimum_lift"]
    lines = []
    for curve in curves if wanted else ():
        found = [p for p in curve["points"] if abs(abs(p["lift"]) - wanted) < 1e-9]
        if found:
            names = {
                "lift": formats.change(found[0]["lift"]),
                "share": share_text(found[0]["found"]["value"]),
                "variant": named(payload, curve["variants"]),
            }
            one = _("The smallest change of interest, %(lift)s, is found in %(share)s.")
            several = _(
                "%(variant)s: the smallest change of interest, %(lift)s, is found in %(share)s."
            )
            lines.append((_("Of interest"), (one if len(curves) == 1 else several) % names))
    if len(curves) > 1:
        lines.append((_("Variants"), _("Each variant is compared with the control alone.")))
    elif len(curves[0]["variants"]) > 1:
        same = _("All variants have the same weight, so one curve holds for each of them.")
        lines.append((_("Variants"), same))
    runs = {"runs": formats.number(curves[0]["points"][0]["found"]["num_runs"])}
    return [
        *lines,
        (
            _("Simulated"),
            _("%(runs)s tests of each change; the band around a line is what they leave open.")
            % runs,
        ),
        (
            _("Found"),
            _(
                "The rule of this test calls the variant better at one of its looks, and the test "
                "ends there. At a true change of 0% that is a false alarm."
            ),
        ),
    ]
