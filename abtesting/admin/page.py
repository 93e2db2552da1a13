"""What the template of the results page is given: display strings and shapes, section by section.

Built from a snapshot's payload by `presentation`; every text in it is final and translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from abtesting.admin.sentences import Chip
from abtesting.admin.verdicts import Verdict
from abtesting.results import charts


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCell:
    """One cell of the health strip."""

    code: str
    label: str
    chip: Chip
    value: str = ""
    note: str = ""
    progress: int | None = None  # whole percent for a progress bar


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantShare:
    """A variant's planned and observed share of the units."""

    name: str
    key: str
    is_control: bool
    series: int
    num_units: str
    expected: str
    observed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Planned against observed split, as two bars over one list of variants."""

    variants: tuple[VariantShare, ...]
    planned: tuple[charts.Segment, ...]
    observed: tuple[charts.Segment, ...]
    participation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text at a position of an axis."""

    position: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One variant of one metric: a line of the table and of the data table."""

    variant: str
    num_units: str
    value: str
    fraction: str
    change: str = ""
    arrow: str = ""
    interval: str = ""
    confidence_interval: str = ""  # of the change, where `interval` may be the credible one
    lift: str = ""  # the estimated change, where `change` may be the posterior one
    difference: str = ""
    difference_interval: str = ""
    standard_error: str = ""
    p_value: str = ""
    adjusted_p_value: str = ""
    level: str = ""
    method: str = ""
    chance: str = ""
    risk: str = ""
    expected: str = ""
    credible_interval: str = ""
    corrected: str = ""
    corrected_difference: str = ""
    corrected_interval: str = ""
    corrected_change_interval: str = ""
    chip: Chip | None = None
    reason: str = ""
    forest: charts.ForestRow | None = None
    forest_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricGroup:
    """A metric with its control and its comparisons."""

    key: str
    name: str
    description: str
    direction: str
    direction_sign: str
    target: str  # a guardrail's margin or the smallest lift of interest
    so_far: str  # all variants together, where the variants were last read at a look
    control: MetricRow
    rows: tuple[MetricRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRow:
    """One variant of one metric in the table of all numbers; a reason instead of cells."""

    metric: str
    variant: str
    num_units: str
    value: str
    cells: tuple[tuple[str, bool], ...] = ()  # text, whether it is a number
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """All numbers of a table of metrics; columns without any are left out."""

    columns: tuple[tuple[str, bool], ...]  # label, whether it holds numbers
    rows: tuple[DataRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTable:
    """The metrics of one role over one forest axis."""

    role: str
    axis: charts.ForestAxis
    axis_labels: tuple[Label, ...]
    has_intervals: bool
    has_marks: bool
    odds: bool  # whether chances to win are shown instead of p-values
    change_label: str
    is_adjusted: bool  # whether p-values are adjusted for their number
    metrics: tuple[MetricGroup, ...]
    notes: tuple[str, ...]
    data: DataTable


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    """One day of the table beside a trend chart."""

    day: date
    num_units: str
    change: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point of a trend chart and the text that explains it."""

    point: charts.TrendPoint
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One variant's cumulative lift: chart, labels and table."""

    variant: str
    title: str
    chart: charts.TrendChart
    y_labels: tuple[Label, ...]
    x_labels: tuple[Label, ...]
    dots: tuple[Dot, ...]
    rows: tuple[TrendRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverTime:
    """The trends of the chosen metric, and the metrics that can be chosen."""

    metric: str
    options: tuple[tuple[str, str, bool], ...]  # key, name, chosen
    trends: tuple[Trend, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyUnits:
    """Units per day: chart, labels and table."""

    chart: charts.BarChart
    y_labels: tuple[Label, ...]
    x_labels: tuple[Label, ...]
    bars: tuple[tuple[charts.Bar, str], ...]
    variants: tuple[str, ...]
    rows: tuple[tuple[date, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsPage:
    """Everything that the template shows of one snapshot."""

    verdict: Verdict
    is_trustworthy: bool
    rule_code: str
    rule: str
    look: str
    correction: str
    computed_at: datetime
    data_until: datetime | None
    health: tuple[HealthCell, ...]
    hypothesis: str
    started_at: datetime | None
    ended_at: datetime | None
    allocation: Allocation
    goals: MetricTable | None
    guardrails: MetricTable | None
    secondary: MetricTable | None
    over_time: OverTime | None
    daily_units: DailyUnits | None
    is_imported: bool
    plan: tuple[tuple[str, str], ...]
