"""Import of finished tests: known figures come out, and a bad file leaves nothing behind."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math

import numpy as np
import pytest

from abtesting.exceptions import ImportFileError
from abtesting.models import (
    AuditEntry,
    Experiment,
    ExperimentMetric,
    ImportedMoments,
    Metric,
    ResultSnapshot,
    Variant,
)
from abtesting.results.import_file import Layout, parse_metric, read_moments
from abtesting.results.importing import ImportPlan, import_results
from abtesting.results.snapshots import refresh
from abtesting.statistics.moments import Counts, Moments
from tests.builders import START, make_experiment, make_metric

pytestmark = pytest.mark.django_db

# Kevin Hillstrom, MineThatData e-mail challenge (2008): 64,000 customers, two mailings and none.
# Customers, visits within two weeks, orders, spending in dollars and the sum of its squares.
HILLSTROM = """\
segment,customers,visit,conversion,spend,spend_squared
Mens E-Mail,21307,3894,267,30311.69,6759024.4973
Womens E-Mail,21387,3238,189,23038.11,4911446.5763
No E-Mail,21306,2262,122,13908.33,2870050.3621
"""

ROWS = """\
unit,group,visit,spend,clicks,views
u1,Control,1,10.50,1,4
u2,Control,0,0,0,2
u3,Control,1,2.25,2,3
u4,New page,1,7,1,1
u5,New page,yes,0,3,5
u6,New page,False,-3.5,0,0
"""
METRICS = ("visit:proportion", "spend:mean", "clicks/views:ratio")


@pytest.fixture
def write(tmp_path):
    def write(content, name="test.csv"):
        path = tmp_path / name
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def layout(*metrics, variant="group", unit="unit", count=None):
    found = tuple(parse_metric(m, counts=bool(count)) for m in metrics or METRICS)
    return Layout(variant=variant, unit=unit, count=count, metrics=found)


def load(path, *, how=None, progress=None, **plan):
    plan = {"key": "mailing", "name": "Mailing", **plan}
    return import_results(
        path, layout=how or layout(), plan=ImportPlan(**plan), now=START, progress=progress
    )


def stored():
    """Every row that an import writes."""
    models = (Experiment, Variant, Metric, ExperimentMetric, ImportedMoments, ResultSnapshot)
    return [list(m.objects.order_by("pk").values()) for m in (*models, AuditEntry)]


def refused(path, *, how=None, **plan):
    """The error of a file that leaves the database as it was."""
    before = stored()
    with pytest.raises(ImportFileError) as error:
        load(path, how=how, **plan)
    assert stored() == before
    return error.value


# What a good file becomes


def test_rows_of_units_become_moments_by_variant(write):
    moments = read_moments(write(ROWS), layout())
    assert moments["Control"]["visit"] == Counts(num_units=3, num_successes=2)
    assert moments["New page"]["visit"] == Counts(num_units=3, num_successes=2)
    assert moments["Control"]["spend"] == Moments.from_array([10.5, 0, 2.25])
    assert moments["New page"]["spend"] == Moments.from_array([7, 0, -3.5])
    assert moments["New page"]["clicks/views"] == Moments.from_array([[1, 1], [3, 5], [0, 0]])


def test_an_import_is_a_stopped_experiment_with_a_snapshot(write):
    snapshot = load(write(ROWS), hypothesis="Because …")
    experiment = Experiment.objects.get()
    assert (experiment.key, experiment.name, experiment.state) == ("mailing", "Mailing", "stopped")
    assert (experiment.source, experiment.hypothesis) == ("imported", "Because …")
    assert experiment.alpha == 0.05
    assert experiment.minimum_units == 100
    assert experiment.planned_num_units is None  # how it was planned is not known
    assert [(v.key, v.name, v.is_control) for v in experiment.variants.all()] == [
        ("control", "Control", True),
        ("new-page", "New page", False),
    ]
    roles = [(row.metric.key, row.role) for row in experiment.experiment_metrics.all()]
    assert roles == [
        ("mailing-visit", "goal"),
        ("mailing-spend", "secondary"),
        ("mailing-clicks-per-views", "secondary"),
    ]
    payload = snapshot.payload
    assert payload["experiment"]["source"] == payload["method"]["rule"] == "imported"
    assert payload["series"] == payload["exposures_by_day"] == []
    assert payload["health"][2]["status"] == "unknown"
    assert [m["control"]["value"] for m in payload["metrics"]] == pytest.approx(
        [2 / 3, 4.25, 1 / 3]
    )
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload


def test_an_import_is_written_down(write, django_user_model):
    mara = django_user_model.objects.create_user("mara")
    plan = ImportPlan(key="mailing", name="Mailing")
    import_results(write(ROWS, "may.csv"), layout=layout(), plan=plan, actor=mara, now=START)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.created_at) == ("import", mara, START)
    assert entry.after == {"state": "stopped", "file": "may.csv"}
    assert ResultSnapshot.objects.get().created_by == mara


def test_a_compressed_file_gives_the_same(write):
    plain = read_moments(write(ROWS), layout())
    assert read_moments(write(ROWS, "test.csv.gz"), layout()) == plain


def test_windows_files_give_the_same(write):
    plain = read_moments(write(ROWS), layout())
    windows = "\ufeff" + ROWS.replace("\n", "\r\n")
    assert read_moments(write(windows, "windows.csv"), layout()) == plain


def test_empty_lines_and_quoted_fields_give_the_same(write):
    plain = read_moments(write(ROWS), layout())
    quoted = ROWS.replace("u2,Control", '"u2","Control"').replace("u4", "\nu4") + "\n\n"
    assert read_moments(write(quoted, "quoted.csv"), layout()) == plain


def test_without_a_unit_column_each_row_is_a_unit(write):
    content = "group,visit\nControl,1\nControl,1\nb,0\n"
    how = layout("visit:proportion", unit=None)
    assert read_moments(write(content), how)["Control"]["visit"].num_units == 2


def test_a_result_computed_again_is_the_same(write):
    first = load(write(ROWS)).payload
    again = refresh(Experiment.objects.get(), now=START).payload
    assert again == first


def test_progress_ends_with_the_whole_file(write):
    seen = []
    rows = "".join(f"u{n},{'Control' if n % 2 else 'b'},1\n" for n in range(5000))
    path = write("unit,group,visit\n" + rows)
    load(path, how=layout("visit:proportion"), progress=lambda *at: seen.append(at))
    size = path.stat().st_size
    assert len(seen) == 3
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_units_and_counts_of_the_same_data_give_the_same_report(write):
    rng = np.random.default_rng(5)
    groups = {"control": rng.exponential(3, 300) * (rng.random(300) < 0.3)}
    groups["b"] = rng.exponential(4, 320) * (rng.random(320) < 0.4)
    units, counts = ["group,bought,spend"], ["group,n,bought,spend,spend_squared"]
    for name, spend in groups.items():
        units += [f"{name},{int(value > 0)},{value!r}" for value in spend.tolist()]
        for part in (spend[:100], spend[100:]):  # rows of a variant are added up
            bought, total, squares = (part > 0).sum(), float(part.sum()), float((part**2).sum())
            counts.append(f"{name},{len(part)},{bought},{total!r},{squares!r}")
    by_unit = load(
        write("\n".join(units)),
        how=layout("bought:proportion", "spend:mean", unit=None),
        key="by-unit",
    ).payload
    by_count = load(
        write("\n".join(counts), "counts.csv"),
        how=layout("bought:proportion", "spend/spend_squared:mean", unit=None, count="n"),
        key="by-count",
    ).payload
    assert by_unit["verdict"]["code"] == by_count["verdict"]["code"]
    for one, other in zip(by_unit["metrics"], by_count["metrics"], strict=True):
        for name in ("value", "num_units", "difference", "p_value", "lift", "standard_error"):
            left, right = one["comparisons"][0][name], other["comparisons"][0][name]
            assert left == pytest.approx(right, rel=1e-9)


@pytest.fixture
def hillstrom(write):
    path = write(HILLSTROM, "hillstrom.csv")
    how = layout(
        "visit:proportion",
        "conversion:proportion",
        "spend/spend_squared:mean",
        variant="segment",
        unit=None,
        count="customers",
    )
    return load(path, how=how, control="No E-Mail", key="hillstrom").payload


def values(payload, metric):
    found = next(m for m in payload["metrics"] if m["key"] == f"hillstrom-{metric}")
    return {f["variant"]: f["value"] for f in (found["control"], *found["comparisons"])}


def test_the_known_figures_of_hillstroms_mailing_come_out(hillstrom):
    assert {k: f"{v:.2%}" for k, v in values(hillstrom, "visit").items()} == {
        "mens-e-mail": "18.28%",
        "womens-e-mail": "15.14%",
        "no-e-mail": "10.62%",
    }
    assert {k: f"{v:.4f}" for k, v in values(hillstrom, "spend").items()} == {
        "mens-e-mail": "1.4226",
        "womens-e-mail": "1.0772",
        "no-e-mail": "0.6528",
    }
    assert [v["num_units"] for v in hillstrom["variants"]] == [21306, 21307, 21387]
    assert hillstrom["health"][0]["status"] == "ok"


def test_hillstroms_mailings_both_win_and_the_better_one_ships(hillstrom):
    assert (hillstrom["verdict"]["code"], hillstrom["verdict"]["variant"]) == (
        "ship",
        "mens-e-mail",
    )
    visit, conversion, spend = hillstrom["metrics"]
    assert [c["verdict"] for c in visit["comparisons"]] == ["better", "better"]
    assert visit["comparisons"][0]["lift"] == pytest.approx(0.7214, abs=1e-4)
    assert [c["verdict"] for c in conversion["comparisons"]] == ["better", "better"]
    assert all(c["p_value"] < 0.01 for c in spend["comparisons"])


# Names, keys and roles


def test_goals_are_those_that_were_asked_for(write):
    load(write(ROWS), goals=("spend", "clicks/views"))
    roles = {row.metric.name: row.role for row in ExperimentMetric.objects.all()}
    assert roles == {"visit": "secondary", "spend": "goal", "clicks/views": "goal"}


def test_a_column_may_serve_two_metrics(write):
    load(write(ROWS), how=layout("clicks:mean", "clicks/views:ratio"))
    assert {m.name for m in Metric.objects.all()} == {"clicks", "clicks/views"}


def test_the_control_is_found_whatever_its_capitals(write):
    load(write(ROWS), control="CONTROL")
    assert Variant.objects.get(is_control=True).name == "Control"


def test_another_variant_may_be_the_control(write):
    load(write(ROWS), control="New page")
    assert [v.key for v in Variant.objects.all()] == ["new-page", "control"]
    assert Variant.objects.get(is_control=True).key == "new-page"


def test_planned_weights_are_what_the_split_is_judged_by(write):
    rows = ["a"] * 900 + ["control"] * 100
    path = write("group,visit\n" + "".join(f"{name},1\n" for name in rows))
    how = layout("visit:proportion", unit=None)
    assert load(path, how=how, key="one").payload["verdict"]["code"] == "invalid"
    planned = load(path, how=how, key="two", weights={"a": 9.0, "control": 1.0}).payload
    assert planned["health"][0]["status"] == "ok"
    assert [v["expected_share"] for v in planned["variants"]] == [0.1, 0.9]


def test_a_metric_of_the_shop_is_never_taken_over(write):
    own = make_metric("mailing-visit", kind="mean", event="open", name="Opened")
    make_experiment("live", metrics=[own])
    load(write(ROWS))
    own.refresh_from_db()
    assert (own.kind, own.event, own.name) == ("mean", "open", "Opened")
    imported = Experiment.objects.get(key="mailing").experiment_metrics.first()
    assert imported.metric.key == "mailing-visit-2"


def test_two_imports_whose_keys_run_together_keep_their_own_metrics(write):
    path = write("unit,group,b-visit,visit\nu1,control,1,0\nu2,x,2,1\n")
    load(path, how=layout("b-visit:mean"), key="a")
    load(path, how=layout("visit:proportion"), key="a-b")
    kinds = dict(ExperimentMetric.objects.values_list("experiment__key", "metric__kind"))
    assert kinds == {"a": "mean", "a-b": "proportion"}


def test_columns_without_latin_letters_can_be_metrics(write):
    path = write("group,转化,收入\ncontrol,1,2\nb,0,3\n")
    load(path, how=layout("转化:proportion", "收入:mean", unit=None))
    assert [(m.name, m.key) for m in Metric.objects.order_by("pk")] == [
        ("转化", "mailing"),
        ("收入", "mailing-2"),
    ]


def test_dates_are_those_of_the_test(write):
    first, last = START - dt.timedelta(days=20), START - dt.timedelta(days=7)
    payload = load(write(ROWS), started_at=first, ended_at=last).payload
    assert payload["experiment"]["num_days"] == 14
    assert payload["data_until"] == last.isoformat()


# Replacing


def test_an_import_can_be_replaced_on_request(write):
    load(write(ROWS))
    other = "unit,group,spend\nu1,Control,1\nu2,b,2\nu3,b,3\n"
    load(write(other), how=layout("spend:mean"), replace=True, name="Second")
    experiment = Experiment.objects.get()
    assert experiment.name == "Second"
    assert [v.key for v in experiment.variants.all()] == ["control", "b"]
    assert [m.key for m in Metric.objects.all()] == ["mailing-spend"]
    assert ResultSnapshot.objects.get().experiment == experiment


def test_replacing_keeps_a_metric_that_another_experiment_uses(write):
    load(write(ROWS))
    make_experiment("live", metrics=[Metric.objects.get(key="mailing-visit")])
    load(write(ROWS), replace=True)
    assert Metric.objects.filter(key="mailing-visit").exists()
    assert Experiment.objects.get(key="live").experiment_metrics.count() == 1


def test_replacing_what_is_not_there_imports(write):
    load(write(ROWS), replace=True)
    assert Experiment.objects.get().key == "mailing"


def test_a_bad_file_replaces_nothing(write):
    load(write(ROWS))
    assert "rows that cannot" in str(refused(write(ROWS + "u7,b,2,0,0,0\n"), replace=True))


def test_an_existing_import_is_not_replaced_unasked(write):
    load(write(ROWS))
    assert "imported already" in str(refused(write(ROWS)))


@pytest.mark.parametrize("replace", [False, True])
def test_an_experiment_of_the_shop_is_never_replaced(write, replace):
    make_experiment("mailing")
    assert "is an experiment of this shop" in str(refused(write(ROWS), replace=replace))


# Bad rows, each with its line and the reason

BAD_ROWS = [
    ("u7,b,1,1,1", "another number of fields"),
    ("u7,b,1,1,1,1,1", "another number of fields"),
    ("u7", "another number of fields"),
    ("u7,,1,1,1,1", "group is empty"),
    (",b,1,1,1,1", "unit is empty"),
    ("  ,b,1,1,1,1", "unit is empty"),
    ("u7,b,,1,1,1", "visit is empty"),
    ("u7,b,1,,1,1", "spend is empty"),
    ("u7,b,2,1,1,1", "visit is '2'; allowed: 0 or 1"),
    ("u7,b,0.5,1,1,1", "visit is '0.5'; allowed: 0 or 1"),
    ("u7,b,maybe,1,1,1", "visit is 'maybe'; allowed: 0 or 1"),
    ("u7,b,1,NaN,1,1", "spend is 'NaN'; allowed: a finite number"),
    ("u7,b,1,inf,1,1", "spend is 'inf'; allowed: a finite number"),
    ("u7,b,1,-Infinity,1,1", "spend is '-Infinity'; allowed: a finite number"),
    ("u7,b,1,1e400,1,1", "spend is '1e400'; allowed: a finite number"),
    ("u7,b,1,1e200,1,1", "spend is '1e200'; allowed: a finite number of at most 1e+100"),
    ("u7,b,1,12€,1,1", "spend is '12€'; allowed: a finite number"),
    ('u7,b,1,"1,5",1,1', "spend is '1,5'; allowed: a finite number"),
    ("u7,b,1,1,1,many", "views is 'many'; allowed: a finite number"),
    ("u2,b,1,1,1,1", "unit 'u2' was on line 3 already"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_bad_row_is_reported_with_its_line_and_reason(write, row, reason):
    error = refused(write(f"{ROWS}{row}\nu8,Control,1,1,1,1\n"))
    [(line, text)] = error.problems
    assert line == 8
    assert reason in text
    assert str(error) == "test.csv has rows that cannot be imported."


def test_every_bad_row_is_reported(write):
    rows = ROWS + "".join(f"{row}\n" for row, _ in BAD_ROWS)
    error = refused(write(rows))
    assert [line for line, _ in error.problems] == list(range(8, 8 + len(BAD_ROWS)))


def test_lines_are_those_of_the_file_where_a_field_has_a_line_break(write):
    error = refused(write(ROWS.replace("u2", '"u\n2"') + "u7,b,2,0,0,0\n"))
    assert [line for line, _ in error.problems] == [9]


def test_of_endless_problems_a_thousand_are_kept(write):
    error = refused(write(ROWS + "u2,b,1,1,1,1\n" * 1500))
    assert len(error.problems) == 1000


def test_an_open_quote_is_reported_where_its_row_begins(write):
    error = refused(write(ROWS.replace("u4", '"u4')))
    [(line, text)] = error.problems
    assert line == 5
    assert "begins a row that is no CSV" in text


def test_text_after_a_quoted_field_is_reported(write):
    error = refused(write(ROWS.replace("u4", '"u4"x')))
    [(line, text)] = error.problems
    assert line == 5
    assert "no CSV" in text


@pytest.mark.parametrize("lines_before", [0, 3, 5000])
def test_text_that_is_not_utf8_is_reported_on_its_line(write, lines_before):
    rows = "unit,group,visit\n" + "".join(f"u{n},Control,1\n" for n in range(lines_before))
    content = rows.encode() + "u-x,Ä,1\n".encode("latin-1") + b"u-y,b,1\n"
    error = refused(write(content), how=layout("visit:proportion"))
    assert error.problems == [(lines_before + 2, "is not UTF-8")]


def test_a_header_that_is_not_utf8_is_reported(write):
    error = refused(write(ROWS.replace("visit", "Käufe").encode("latin-1")))
    assert error.problems == [(1, "is not UTF-8")]


def test_an_excel_file_is_not_utf8(write):
    assert refused(write(ROWS.encode("utf-16"))).problems == [(1, "is not UTF-8")]


def test_a_header_that_is_no_csv_is_reported(write):
    [(line, text)] = refused(write('unit,"group,visit\n')).problems
    assert line == 1
    assert "no CSV" in text


# Bad files


def test_a_file_that_is_not_there_is_said(tmp_path):
    assert "cannot be read: No such file" in str(refused(tmp_path / "none.csv"))


def test_a_folder_is_no_file(tmp_path):
    assert "cannot be read" in str(refused(tmp_path))


def test_missing_columns_are_named_with_those_that_are_there(write):
    error = refused(write(ROWS), how=layout("visit:proportion", "orders:mean", variant="arm"))
    assert str(error) == (
        "test.csv has no column arm, orders; "
        "its columns are: unit, group, visit, spend, clicks, views."
    )


def test_an_empty_file_has_no_columns(write):
    assert "its columns are: none" in str(refused(write("")))


def test_a_column_that_is_there_twice_is_ambiguous(write):
    content = "unit,group,visit,visit\nu1,control,1,0\nu2,b,0,1\n"
    error = refused(write(content), how=layout("visit:proportion"))
    assert "has the column visit more than once" in str(error)


def test_a_header_alone_has_no_variants(write):
    error = refused(write(ROWS.splitlines()[0] + "\n"))
    assert str(error) == "control is 'control'; the file's variants are: none."


def test_one_variant_is_no_comparison(write):
    rows = "".join(line for line in ROWS.splitlines(keepends=True) if "New" not in line)
    assert "one variant only: Control" in str(refused(write(rows)))


def test_a_compressed_file_that_was_cut_off_is_said(write, tmp_path):
    path = write(ROWS * 100, "test.csv.gz")
    path.write_bytes(path.read_bytes()[:-20])
    assert "test.csv.gz cannot be read to its end" in str(refused(path))


def test_a_compressed_file_that_is_damaged_is_said(write):
    path = write(ROWS, "test.csv.gz")
    data = bytearray(path.read_bytes())
    data[12:20] = b"\xff" * 8
    path.write_bytes(bytes(data))
    assert "cannot be read to its end" in str(refused(path))


def test_a_file_that_is_only_called_compressed_is_said(write, tmp_path):
    path = tmp_path / "test.csv.gz"
    path.write_text(ROWS)
    assert "cannot be read to its end" in str(refused(path))


# Bad plans


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"control": "Old page"}, "control is 'Old page'; the file's variants are: Control, New"),
        ({"goals": ("orders",)}, "goal is 'orders'; the metrics are: visit, spend, clicks/views"),
        ({"weights": {"C": 1.0}}, "weight is given for 'C'; the file's variants are: Control, New"),
        ({"weights": {"Control": 0.0}}, "weight of 'Control' is 0.0; allowed: more than 0"),
        ({"weights": {"Control": -1.0}}, "weight of 'Control' is -1.0"),
        ({"weights": {"Control": math.nan}}, "weight of 'Control' is nan"),
        ({"weights": {"Control": math.inf}}, "weight of 'Control' is inf"),
        ({"key": ""}, "key is ''; allowed"),
        ({"key": "Spring mailing"}, "such as 'spring-mailing'"),
        ({"key": "a--b"}, "such as 'a-b'"),
        ({"key": "a" * 81}, "at most 80"),
        ({"name": ""}, "a name is ''"),
        ({"name": "x" * 201}, "1 to 200 printable characters"),
        (
            {"started_at": START, "ended_at": START - dt.timedelta(days=1)},
            "the end is 2026-03-01; allowed: not before the start, 2026-03-02",
        ),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(write, plan, reason):
    assert reason in str(refused(write(ROWS), **plan))


def three_variants(*names):
    rows = "".join(f"u{i},{name},1\n" for i, name in enumerate(names, 1))
    return f"unit,group,visit\nu0,control,1\n{rows}"


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (("b!", "B"), ["control", "b", "variant-1"]),
        (("新页面", "b"), ["control", "b", "variant-1"]),
        (("variant 1", "新页面"), ["control", "variant-1", "variant-2"]),
    ],
)
def test_names_that_give_no_key_of_their_own_are_numbered(write, names, keys):
    snapshot = load(write(three_variants(*names)), how=layout("visit:proportion"))
    assert [variant["key"] for variant in snapshot.payload["variants"]] == keys
    assert {variant["name"] for variant in snapshot.payload["variants"]} == {"control", *names}


def test_a_name_that_cannot_be_printed_is_refused(write):
    error = refused(write(three_variants("x\0y", "z")), how=layout("visit:proportion"))
    assert "printable" in str(error)


@pytest.mark.parametrize(
    "text", ["visit", "visit:median", ":mean", "/views:ratio", "clicks:ratio", "a/b/c:ratio", ""]
)
def test_a_metric_of_another_form_is_refused(text):
    with pytest.raises(ImportFileError, match="allowed: COLUMN:proportion"):
        parse_metric(text)


def test_a_metric_twice_is_refused(write):
    error = refused(write(ROWS), how=layout("visit:proportion", "visit:mean"))
    assert "metrics are visit, visit; allowed: at least one, each column once" in str(error)


# Files of counts

COUNTS = "group,n,orders,revenue,squares\ncontrol,100,10,200,5000\nb,100,20,400,9000\n"


def counts():
    return layout("orders:proportion", "revenue/squares:mean", unit=None, count="n")


def test_counts_become_moments(write):
    moments = read_moments(write(COUNTS), counts())
    assert moments["control"]["orders"] == Counts(num_units=100, num_successes=10)
    found = moments["b"]["revenue"]
    assert (found.n, found.mean) == (100, 4.0)
    assert found.comoments[0][0] == pytest.approx(9000 - 400 * 400 / 100)


def test_equal_values_have_no_variance_whatever_the_last_digit(write):
    content = "group,n,revenue,squares\ncontrol,3,0.3,0.03\nb,1,0.1,0.01\n"
    moments = read_moments(write(content), layout("revenue/squares:mean", unit=None, count="n"))
    assert [m["revenue"].comoments for m in moments.values()] == [((0.0,),), ((0.0,),)]


def test_a_row_of_no_units_adds_nothing(write):
    assert read_moments(write(COUNTS + "b,0,0,0,0\n"), counts()) == read_moments(
        write(COUNTS), counts()
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("c,10,11,5,5", "num_successes is 11; it must be at most num_units, 10"),
        ("c,ten,1,5,5", "n is 'ten'; allowed: a whole number"),
        ("c,10.5,1,5,5", "n is '10.5'; allowed: a whole number"),
        ("c,-10,1,5,5", "n is '-10'; allowed: a whole number"),
        ("c,²,1,5,5", "n is '²'; allowed: a whole number"),
        ("c,99999999999999999999,1,5,5", "allowed: a whole number from 0 to 2147483647"),
        ("c,,1,5,5", "n is empty"),
        (
            "c,10,1,50,200",
            "squares is 200; a sum of squares of 10 value(s) with sum 50 is at least",
        ),
        ("c,1,1,5,30", "is exactly 25"),
        ("c,0,0,5,25", "revenue is 5 of 0 units; allowed: 0"),
        ("c,10,1,nan,5", "revenue is 'nan'; allowed: a finite number"),
        ("c,10,1,5", "another number of fields"),
    ],
)
def test_a_bad_row_of_counts_is_reported(write, row, reason):
    error = refused(write(f"{COUNTS}{row}\n"), how=counts())
    [(line, text)] = error.problems
    assert line == 4
    assert reason in text


def test_more_units_than_a_database_counts_are_refused(write):
    content = COUNTS + "b,2147483647,0,0,0\n"
    assert "there are 2147483847 units" in str(refused(write(content), how=counts()))


def test_a_ratio_needs_rows_of_units():
    with pytest.raises(ImportFileError, match="a ratio needs one row a unit"):
        parse_metric("clicks/views:ratio", counts=True)
