"""The published page: docs/trust.md, from the figures of one run."""

from __future__ import annotations

from collections import defaultdict

from calibrate.cells import OURS, Budget, Cell

TITLES = {
    "T1": "One look: false positives",
    "T2": "One look: the whole distribution of p",
    "T3": "Group sequential: any-look error",
    "T4": "Always valid: any-look error",
    "T5": "Intervals: coverage",
    "T6": "Power, and the sample it takes",
    "T7": "Estimates after a stop or a selection",
    "T8": "Traffic split, read every day",
    "T9": "Variance reduction (CUPED)",
    "T10": "Many comparisons",
    "T11": "Bayesian view",
    "T12": "Quantiles",
    "T13": "Bandits",
    "T14": "Clusters and switchbacks",
    "T15": "Numerics",
    "T16": "A/A on real data",
}


def as_markdown(cells: list[Cell], *, budget: Budget, versions: dict[str, str]) -> str:
    banded = [cell for cell in cells if cell.has_band]
    inside = sum(cell.passes for cell in banded)
    peers = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        "# Can the numbers be trusted?",
        "",
        "Every figure here was simulated: our engine and the peers on the same data, in one run of",
        f"`benchmarks/calibration.py --runs {budget.num_runs}` with seed {budget.seed}. Figures of",
        "ours have a band to lie in; CI runs fewer of the same simulations and fails outside them.",
        f"In this run {inside} of {len(banded)} lay in their bands; those outside are marked.",
        "",
        f"Versions: {peers}. gbstats, tea-tasting, scipy and statsmodels are run as the",
        "formulas of these versions, on arrays; the run begins by comparing each with its library.",
        "Eppo and Statsig are their published formulas, not their products. confseq 0.0.11 did not",
        "build here; its normal mixture is run as published.",
        "",
    ]
    lines += _peeking_summary(cells)
    by_test = defaultdict(list)
    for cell in cells:
        by_test[cell.test].append(cell)
    for test, title in TITLES.items():
        if by_test[test]:
            lines += [f"## {title} ({test})", "", *_table(by_test[test]), ""]
    return "\n".join(lines)


COMMON = ("conversion 5 %, 20 equal looks", "revenue, 5 % buy, sigma 1.0, 20 equal looks")


def _peeking_summary(cells: list[Cell]) -> list[str]:
    """Any-look errors of each method, its power, and the sample it uses."""
    worst, common, power, used = {}, {}, {}, {}
    for cell in cells:
        if cell.test in {"T3", "T4"} and cell.measure == "any-look error":
            if cell.value > worst.get(cell.method, (-1.0, ""))[0]:
                worst[cell.method] = (cell.value, cell.setting)
            for setting in COMMON:
                if cell.setting in {setting, f"{setting}, 50/50"}:
                    common[cell.method, setting] = cell.value
        if cell.test == "T6" and cell.setting.startswith("conversion"):
            (power if cell.measure == "power" else used)[cell.method] = cell.value
    rows = sorted(worst.items(), key=lambda item: (not item[0].startswith(OURS), item[1][0]))
    lines = [
        "## Read every day: what happens to 5 %",
        "",
        "How often a test of two equal variants finds a difference at any look. First 20 equal",
        "looks of 20,000 units an arm; then the worst setting of T3 (group sequential) or T4 (the",
        "others). T4 begins to look at 50 units in the smaller arm, where our rules give no result",
        "yet: most of the difference in the worst column is that. Power is that of any look for an",
        "effect that one look at the end finds in 80 % of runs.",
        "",
        "| method | conversion 5 % | revenue | worst | where | power | sample used |",
        "|---|---|---|---|---|---|---|",
    ]
    for method, (value, setting) in rows:
        shown = " | ".join(_percent(common.get((method, name))) for name in COMMON)
        lines.append(
            f"| {_name(method)} | {shown} | {value:.1%} | {setting} | "
            f"{_percent(power.get(method))} | {_percent(used.get(method))} |"
        )
    return [*lines, ""]


def _table(cells: list[Cell]) -> list[str]:
    """Settings and measures down, ours first and the peers beside it."""
    lines = ["| setting | measure | method | figure | band |", "|---|---|---|---|---|"]
    for cell in cells:
        mark = "" if not cell.has_band or cell.passes else " **outside**"
        lines.append(
            f"| {cell.setting} | {cell.measure} | {_name(cell.method)} | {_figure(cell)}{mark} | "
            f"{_band(cell)} |"
        )
    return lines


def _name(method: str) -> str:
    return f"**{method}**" if method.startswith(OURS) else method


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _figure(cell: Cell) -> str:
    return _number(cell.value)


def _band(cell: Cell) -> str:
    if not cell.has_band:
        return ""
    low = "" if cell.low is None else _number(cell.low)
    high = "" if cell.high is None else _number(cell.high)
    if low and high:
        return f"{low} to {high}"
    return f"at least {low}" if low else f"at most {high}"


def _number(value: float) -> str:
    if value == 0 or 1e-4 <= abs(value) < 1e4:
        return f"{value:.4f}"
    return f"{value:.2g}"
