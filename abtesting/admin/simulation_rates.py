"""The simulation page on false alarms: how often equal variants are called different."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from abtesting.admin import formats
from abtesting.admin.plots import make_plot
from abtesting.admin.simulation_parts import (
    Payload,
    Row,
    Section,
    Table,
    promise,
    share_text,
    title,
)


def false_alarms(payload: Payload) -> Section:
    """How often the rule errs, and who only looks at p-values."""
    part = payload["aa"]
    rule, peeking, alpha = part["rule"], part["peeking"], part["alpha"]
    is_own = payload["traffic"]["source"] == "own"
    # Each sentence as a whole: languages put their parts in different places.
    if is_own and part["is_daily"]:
        text = _(
            "If nothing had changed, this test would have cried wolf in %(rule)s of %(runs)s "
            "replays of your own traffic; looking every day at p < %(alpha)s would have in "
            "%(peeking)s."
        )
    elif is_own:
        text = _(
            "If nothing had changed, this test would have cried wolf in %(rule)s of %(runs)s "
            "replays of your own traffic; looking %(peeks)s times at p < %(alpha)s would have in "
            "%(peeking)s."
        )
    else:
        text = _(
            "If nothing had changed, this test would have cried wolf in %(rule)s of %(runs)s "
            "simulated tests; looking %(peeks)s times at p < %(alpha)s would have in %(peeking)s."
        )
    names = {
        "rule": share_text(rule["value"]),
        "peeking": share_text(peeking["value"]),
        "runs": formats.number(rule["num_runs"]),
        "peeks": formats.number(part["num_peeks"]),
        "alpha": formats.number(alpha, 2),
        "allowed": formats.short_percent(alpha),
        "one_in": formats.number(1 / alpha),
        "units": formats.units(part["num_units"], payload["unit"]),
    }
    peeker = _("Whoever stops at the first p < %(alpha)s") % names
    return Section(
        key="aa",
        title=title("aa"),
        sentence=text % names,
        table=Table(
            first=_("Decided by"),
            last=_("Allowed: %(allowed)s") % names,
            rows=(
                _rate_row(_("The rule of this test"), _rule_caption(payload), rule, alpha),
                _rate_row(
                    peeker,
                    ngettext(
                        "Not this test: somebody who reads each p-value at %(peeks)s look, as if "
                        "it were the only one.",
                        "Not this test: somebody who reads each p-value at %(peeks)s looks, as if "
                        "it were the only one.",
                        part["num_peeks"],
                    )
                    % names,
                    peeking,
                    alpha,
                ),
            ),
        ),
        details=_false_alarm_details(names, is_own=is_own),
        plot=make_plot(
            [part["rule_by_units"], part["peeking_by_units"]],
            title=_("Share of replays with a false alarm so far, by units"),
            x_name=_("Units"),
            names=(_("The rule of this test"), peeker),
            x_text=formats.number,
            y_text=share_text,
            y_axis=formats.short_percent,
            y_marks=[alpha],
            mark=_("Allowed: %(allowed)s") % names,
        ),
    )


def _false_alarm_details(names: Mapping[str, str], *, is_own: bool) -> tuple[tuple[str, str], ...]:
    """What was simulated, and what each word of the table means."""
    if is_own:
        simulated = _(
            "%(units)s of the past, split at random into the planned shares again, %(runs)s times. "
            "Nothing differs between these variants: each difference that is shown is a false "
            "alarm."
        )
    else:
        simulated = _(
            "%(runs)s tests of %(units)s. Nothing differs between their variants: each difference "
            "that is shown is a false alarm."
        )
    return (
        (_("Simulated"), simulated % names),
        (
            _("False alarms"),
            _(
                "The share of these tests that call any variant better or worse, in any goal, at "
                "any look. One such look is enough: it is the error of the whole test."
            ),
        ),
        (
            names["allowed"],
            _(
                "What a test may err: of %(one_in)s tests in which nothing differs, 1 shows a "
                "difference all the same."
            )
            % names,
        ),
        (
            _("Range"),
            _(
                "What %(runs)s runs leave open. Where %(allowed)s lies in it, the share is "
                "consistent with %(allowed)s: whether it is a little above or below is chance. "
                "More runs make the range smaller."
            )
            % names,
        ),
    )


def _rate_row(name: str, caption: str, share: Mapping[str, float], alpha: float) -> Row:
    ends = {"lower": share_text(share["lower"]), "upper": share_text(share["upper"])}
    return Row(
        name=name,
        caption=caption,
        cells=(
            (_("False alarms"), share_text(share["value"])),
            (_("Range"), _("%(lower)s to %(upper)s") % ends),
        ),
        chip=promise(share, alpha),
    )


def _rule_caption(payload: Payload) -> str:
    """The rule of the test as the simulation has used it."""
    part = payload["aa"]
    num = part["num_looks"]
    names = {
        "num": formats.number(num),
        "units": formats.units(part["num_units"], payload["unit"]),
    }
    if payload["rule"] == "fixed_horizon":
        return _("Once, at the end: one look at %(units)s.") % names
    if payload["rule"] == "group_sequential":
        text = ngettext(
            "Looks along the way: %(num)s look up to %(units)s.",
            "Looks along the way: %(num)s looks up to %(units)s.",
            num,
        )
    elif payload["rule"] == "bayesian":
        text = ngettext(
            "Chances: read at %(num)s look up to %(units)s, and only with proof besides.",
            "Chances: read at %(num)s looks up to %(units)s, and only with proof besides.",
            num,
        )
    else:
        text = ngettext(
            "Any day: read at %(num)s look up to %(units)s.",
            "Any day: read at %(num)s looks up to %(units)s.",
            num,
        )
    return text % names
