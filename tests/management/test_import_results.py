"""`abtesting_import_results`: options, what it says, and how it exits."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.management import CommandError, call_command

from abtesting.models import Experiment, Metric, Variant

pytestmark = pytest.mark.django_db

ROWS = """\
customer,segment,visit,spend
1,Control,1,10
2,Control,0,0
3,Letter,1,25.5
4,Letter,1,0
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "spring_letter.csv"
    path.write_text(ROWS)
    return path


def run(file, *options, metrics=("visit:proportion", "spend:mean")):
    named = [f"--metric={metric}" for metric in metrics]
    call_command("abtesting_import_results", str(file), "--variant=segment", *named, *options)


def test_it_says_the_figures_the_verdict_and_where_the_result_is(file, capsys):
    run(file, "--unit=customer")
    *figures, verdict, page = capsys.readouterr().out.splitlines()
    assert [line.split() for line in figures] == [
        ["visit", "control", "2", "0.5"],
        ["visit", "letter", "2", "1"],
        ["spend", "control", "2", "5"],
        ["spend", "letter", "2", "12.75"],
    ]
    assert verdict == "Verdict: no_difference"
    assert page == f"Results page: {Experiment.objects.get().get_absolute_url()}"


def test_key_and_name_come_from_the_file(file):
    run(file)
    assert (Experiment.objects.get().key, Experiment.objects.get().name) == (
        "spring_letter",
        "Spring_letter",
    )


def test_every_option_reaches_the_import(file):
    run(
        file,
        "--unit=customer",
        "--control=Letter",
        "--key=letter",
        "--name=A letter",
        "--hypothesis=Because …",
        "--goal=spend",
        "--weight=Letter=2",
        "--weight=Control=0.5",
        "--started=2026-01-05",
        "--ended=2026-01-18",
    )
    experiment = Experiment.objects.get()
    assert (experiment.key, experiment.name) == ("letter", "A letter")
    assert experiment.hypothesis == "Because …"
    assert experiment.started_at == dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    assert experiment.ended_at == dt.datetime(2026, 1, 18, tzinfo=dt.UTC)
    assert {v.name: (v.is_control, v.weight) for v in Variant.objects.all()} == {
        "Letter": (True, 2.0),
        "Control": (False, 0.5),
    }
    assert experiment.experiment_metrics.get(role="goal").metric.name == "spend"


def test_a_file_of_counts_is_one_option(tmp_path, capsys):
    path = tmp_path / "counts.csv"
    path.write_text("segment,n,visit\nControl,100,10\nLetter,100,30\n")
    run(path, "--count=n", metrics=["visit:proportion"])
    assert capsys.readouterr().out.endswith(
        f"Verdict: ship\nResults page: {Experiment.objects.get().get_absolute_url()}\n"
    )


def test_a_second_import_needs_to_be_asked_for(file):
    run(file)
    with pytest.raises(CommandError, match=r"imported already(.|\n)*Nothing was imported\."):
        run(file)
    run(file, "--replace", "--name=Again")
    assert Experiment.objects.get().name == "Again"


def test_bad_rows_are_said_line_by_line(file):
    file.write_text(ROWS + "5,Letter,2,1\n6,Letter,1,\n")
    with pytest.raises(CommandError) as error:
        run(file)
    assert str(error.value).splitlines() == [
        "spring_letter.csv has rows that cannot be imported.",
        "line 6: visit is '2'; allowed: 0 or 1, for a proportion",
        "line 7: spend is empty",
        "Nothing was imported.",
    ]
    assert error.value.returncode == 1
    assert not Experiment.objects.exists()
    assert not Metric.objects.exists()


def test_of_many_bad_rows_some_are_said_and_the_others_counted(file):
    file.write_text(ROWS + "9,Letter,2,1\n" * 25)
    with pytest.raises(CommandError) as error:
        run(file)
    lines = str(error.value).splitlines()
    assert len(lines) == 1 + 20 + 2
    assert lines[-2] == "and 5 more"


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--weight=Letter", "allowed: VARIANT=WEIGHT with a weight above 0"),
        ("--weight=Letter=0", "allowed: VARIANT=WEIGHT with a weight above 0"),
        ("--weight=Letter=nan", "allowed: VARIANT=WEIGHT with a weight above 0"),
        ("--started=05.01.2026", "allowed: a day as YYYY-MM-DD"),
        ("--metric=visit", "allowed: COLUMN:proportion"),
        ("--control=Card", "control is 'Card'; the file's variants are: Control, Letter"),
        ("--goal=orders", "goal is 'orders'"),
    ],
)
def test_an_option_that_does_not_fit_is_an_error(file, option, reason):
    with pytest.raises(CommandError, match=reason.replace("(", r"\(")):
        run(file, option)
    assert not Experiment.objects.exists()


def test_no_progress_is_drawn_where_nobody_watches(file, capsys):
    run(file)
    assert capsys.readouterr().err == ""
