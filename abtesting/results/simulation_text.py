"""A simulation in plain text, for a terminal: what was simulated, a table a part, what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abtesting.results.power_curve import GOOD_POWER
from abtesting.results.simulation_report import assessment, errs_too_often, upgraded

Payload = Mapping[str, Any]

ASSESSMENTS = {
    "holds": "yes",
    "consistent": "within chance",
    "exceeds": "no, too many",
}


def as_lines(payload: Payload) -> list[str]:
    """The lines that say what a simulation found; `payload` is that of a `SimulationRun`."""
    payload = upgraded(payload)
    lines = _head(payload)
    for name, write in (("aa", _false_alarms), ("power", _power), ("bandit", _bandit)):
        part = payload[name]
        if part is not None:
            lines += [
                "",
                *([_reason(name, part["reason"])] if "reason" in part else write(payload)),
            ]
    return [*lines, "", *_in_short(payload)]


def _head(payload: Payload) -> list[str]:
    traffic = payload["traffic"]
    metrics = ", ".join(metric["key"] for metric in payload["metrics"])
    weights = [weight for _key, _name, weight in payload["variants"]]
    shares = ", ".join(
        f"{key} {weight / sum(weights):.0%}" for key, _name, weight in payload["variants"]
    )
    planned = payload["planned_num_units"]
    history = "none"
    if traffic["num_units"]:
        history = (
            f"{traffic['num_units']:,} {payload['unit']}s in {traffic['num_days']} days of "
            + ", ".join(traffic["experiments"])
        )
    units = "the past ones themselves"
    if traffic["distribution"]:
        like = "an assumed rate" if traffic["baseline"] else "the mean and spread of the history"
        units = f"synthetic, {traffic['distribution']} with {like}"
    if traffic["value"] is not None:
        units += f"; {_about(payload)} {traffic['value']:.6g} without a change"
    subject = (
        f"experiment {payload['experiment']}" if payload["experiment"] else f"metric {metrics}"
    )
    return [
        f"Simulation of {subject}",
        *_columns(
            [
                ("rule", f"{payload['rule']}, error rate {payload['alpha']:.1%} at most"),
                ("sample", "no plan" if planned is None else f"{planned:,} units planned"),
                ("variants", shares),
                ("goals", metrics),
                ("history", history),
                ("units", units),
                ("runs", f"{payload['num_runs']:,} of each part, seed {payload['seed']}"),
            ],
            right=(),
        ),
    ]


def _about(payload: Payload) -> str:
    """The goal that power and bandit are about."""
    parts = (payload[name] or {} for name in ("power", "bandit"))
    return next((part["metric"] for part in parts if "metric" in part), "the goal")


def _reason(name: str, reason: Payload) -> str:
    hint = ""
    if reason["code"] == "too_little_traffic":
        hint = " (--traffic synthetic draws units like those there are"
        hint += "; with --baseline RATE it takes none)"
    return f"Not simulated: {name}: {reason['detail']}{hint}"


def _false_alarms(payload: Payload) -> list[str]:
    part = payload["aa"]
    rows = [
        (name, *_rates(part[field]), ASSESSMENTS[assessment(part[field], part["alpha"])])
        for name, field in (
            (f"the rule, {_looks(part['num_looks'])}", "rule"),
            (f"p < {part['alpha']:g}, {_looks(part['num_peeks'])}", "peeking"),
        )
    ]
    return [
        f"False alarms (aa): {part['num_units']:,} units, variants equal. Counted: tests that call "
        "any variant different in any goal at any look.",
        *_columns(
            [
                ("decided by", "false alarms", "95% interval", f"at most {part['alpha']:.0%}?"),
                *rows,
            ],
            right=(1, 2),
        ),
    ]


def _power(payload: Payload) -> list[str]:
    part = payload["power"]
    lines = [
        f"Power: {part['metric']}, {part['num_units']:,} units. Counted: tests that call the "
        "changed variant better, or worse, at any look."
    ]
    for curve in part["curves"]:
        rows = [
            (
                f"{point['lift']:+.1%}",
                *_rates(point["found"]),
                f"{point['lost']:.1%}",
                f"{point['sample_used']:.0%}",
            )
            for point in curve["points"]
        ]
        smallest = curve["smallest_lift"]
        lines += [
            f"  variant {', '.join(curve['variants'])}",
            *_columns(
                [("change", "called better", "95% interval", "called worse", "sample used"), *rows],
                right=(0, 1, 2, 3, 4),
            ),
            f"  called better in {GOOD_POWER:.0%} of tests: "
            + ("none of these changes" if smallest is None else f"{smallest:+.1%}"),
        ]
    return lines


def _bandit(payload: Payload) -> list[str]:
    part, alpha = payload["bandit"], payload["alpha"]
    ways = (("bandit", part["bandit"]), ("planned split", part["split"]))
    bad = [name for name, way in ways if errs_too_often(way, alpha)]
    rows = [
        (
            name,
            f"{way['regret']:,.1f}",
            f"{way['best_share']:.1%}",
            f"{way['best_picked']['value']:.1%}",
            f"{way['found']['value']:.1%}",
            f"{way['false_alarms']['value']:.1%}",
            ASSESSMENTS[assessment(way["false_alarms"], alpha)],
        )
        for name, way in ways
    ]
    head = (
        *("split by", f"{part['metric']} lost", "units with better", "better ahead"),
        *("shown different", "false alarms", f"at most {alpha:.0%}?"),
    )
    warning = (
        f"  Warning: {' and '.join(bad)}: more false alarms than the {alpha:.0%} allowed, so do "
        "not rely on “shown different”."
    )
    return [
        f"Bandit: variant {part['variant']} changes {part['metric']} by {part['lift']:+.1%}, "
        f"{part['num_units']:,} units. Shown different: by one look at the end.",
        *_columns([head, *rows], right=(1, 2, 3, 4, 5)),
        *([warning] if bad else []),
    ]


def _in_short(payload: Payload) -> list[str]:
    """The closing sentence."""
    aa, power, bandit = (payload[name] or {} for name in ("aa", "power", "bandit"))
    said = []
    if "rule" in aa:
        alpha = f"{aa['alpha']:.0%}"
        code = assessment(aa["rule"], aa["alpha"])
        meaning = {
            "holds": f"at most the {alpha} allowed",
            "consistent": f"within chance of the {alpha} allowed",
            "exceeds": f"more than the {alpha} allowed",
        }[code]
        said.append(f"The rule errs in {aa['rule']['value']:.1%} of tests, {meaning}.")
    for curve in power.get("curves", ()):
        who, smallest = ", ".join(curve["variants"]), curve["smallest_lift"]
        often = f"in {GOOD_POWER:.0%} of tests"
        said.append(
            f"It finds none of the changes of {who} {often}."
            if smallest is None
            else f"It finds a change of {smallest:+.1%} in {who} {often}."
        )
    if "bandit" in bandit:
        ways = bandit["bandit"]["regret"], bandit["split"]["regret"]
        said.append("A bandit would lose {:,.1f} where the split loses {:,.1f}.".format(*ways))
    return [" ".join(["In short:", *said])] if said else ["In short: nothing could be simulated."]


def _rates(share: Mapping[str, float]) -> tuple[str, str]:
    return f"{share['value']:.1%}", f"{share['lower']:.1%} to {share['upper']:.1%}"


def _looks(number: int) -> str:
    return f"{number:,} look" if number == 1 else f"{number:,} looks"


def _columns(rows: Sequence[Sequence[str]], *, right: Sequence[int]) -> list[str]:
    """Rows as lines with aligned columns; those of these numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
