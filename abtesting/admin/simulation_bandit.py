"""The simulation page on bandits: what one would lose and find instead of the planned split."""

from __future__ import annotations

from django.utils.translation import gettext as _

from abtesting.admin import formats
from abtesting.admin.plots import make_plot
from abtesting.admin.simulation_parts import (
    Payload,
    Row,
    Section,
    Table,
    metric_of,
    named,
    promise,
    share_text,
    title,
)
from abtesting.results.simulation_report import errs_too_often


def bandit(payload: Payload) -> Section:
    """A bandit beside the planned split."""
    part = payload["bandit"]
    bandit, split = part["bandit"], part["split"]
    metric = metric_of(payload, part)
    if metric["kind"] == "proportion":
        text = _(
            "With “%(variant)s” %(lift)s better, a bandit loses %(bandit)s conversions on the way "
            "to the end of the sample, the planned split loses %(split)s."
        )
    else:
        text = _(
            "With “%(variant)s” %(lift)s better, a bandit loses %(bandit)s on the way to the end "
            "of the sample, the planned split loses %(split)s."
        )

    def amount(value: float) -> str:
        if metric["kind"] == "proportion":
            return formats.number(value, 1 if value < 100 else 0)
        return formats.metric_total(round(value, 2), metric, numerator=True)

    def row(name: str, caption: str, way: Payload) -> Row:
        cells = (
            (_("Lost"), amount(way["regret"])),
            (_("Units with the better variant"), share_text(way["best_share"])),
            (_("Ends with it ahead"), share_text(way["best_picked"]["value"])),
            (_("Difference shown"), share_text(way["found"]["value"])),
            (_("False alarms"), share_text(way["false_alarms"]["value"])),
        )
        return Row(
            name=name,
            caption=caption,
            cells=cells,
            chip=promise(way["false_alarms"], payload["alpha"]),
        )

    ways = ((_("Bandit"), bandit), (_("Planned split"), split))
    bad = [name for name, way in ways if errs_too_often(way, payload["alpha"])]
    how = _(
        "Thompson sampling: shares renewed %(num)s times, at least %(floor)s of the traffic for "
        "each variant."
    ) % {
        "num": formats.number(part["num_batches"]),
        "floor": formats.short_percent(part["floor"]),
    }
    names = {
        "alpha": formats.short_percent(payload["alpha"]),
        "runs": formats.number(bandit["found"]["num_runs"]),
    }
    return Section(
        key="bandit",
        title=title("bandit"),
        sentence=text
        % {
            "variant": named(payload, [part["variant"]]),
            "lift": formats.change(abs(part["lift"]), signed=False),
            "bandit": amount(bandit["regret"]),
            "split": amount(split["regret"]),
        },
        table=Table(
            first=_("Traffic split by"),
            last=_("Allowed: %(allowed)s") % {"allowed": names["alpha"]},
            rows=(
                row(ways[0][0], how, bandit),
                row(ways[1][0], _("The weights of the variants, all the time."), split),
            ),
        ),
        warning=_(
            "%(ways)s: more false alarms than the %(alpha)s that is allowed, so do not rely on the "
            "share of differences shown."
        )
        % {**names, "ways": ", ".join(bad)}
        if bad
        else "",
        details=(
            (
                _("Simulated"),
                _("%(runs)s tests with that one variant better, and as many with all equal.")
                % names,
            ),
            (_("Lost"), _("Against showing everybody the better variant from the start.")),
            (
                _("Difference shown"),
                _(
                    "The better variant is told from the control by one look at the end of the "
                    "sample, not by the rule of this test."
                ),
            ),
            (
                _("False alarms"),
                _("The same look where all variants are equal; %(alpha)s is allowed.") % names,
            ),
        ),
        plot=make_plot(
            [
                [(0, 0.0), *bandit["regret_by_units"]],
                [(0, 0.0), *split["regret_by_units"]],
            ],
            title=_("What is lost so far against showing everybody the better variant, by units"),
            x_name=_("Units"),
            names=(_("Bandit"), _("Planned split")),
            x_text=formats.number,
            y_text=amount,
            y_axis=lambda value: formats.number(value, 0 if value.is_integer() else 1),
        ),
    )
