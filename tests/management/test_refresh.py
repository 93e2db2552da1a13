"""`abtesting_refresh`: what it says, and how it exits."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from abtesting.models import ResultSnapshot, Variant
from tests.builders import make_experiment

pytestmark = pytest.mark.django_db


def refresh(capsys, *keys):
    call_command("abtesting_refresh", *keys)
    return capsys.readouterr().out


def test_running_experiments_are_refreshed_and_their_verdicts_said(capsys):
    make_experiment("one")
    make_experiment("two", state="paused")
    make_experiment("three", state="stopped")
    assert refresh(capsys) == "one: not_enough_data\ntwo: not_enough_data\n"
    assert ResultSnapshot.objects.count() == 2


def test_named_experiments_are_refreshed_whatever_their_state(capsys):
    make_experiment("one")
    stopped = make_experiment("three", state="stopped")
    assert refresh(capsys, "three") == "three: no_result\n"
    assert ResultSnapshot.objects.get().experiment == stopped


def test_without_experiments_there_is_nothing_to_say(capsys):
    assert refresh(capsys) == ""


def test_an_unknown_key_is_an_error_that_names_the_known_ones():
    make_experiment("one")
    with pytest.raises(CommandError, match="No experiment nine; there are: one") as error:
        call_command("abtesting_refresh", "one", "nine")
    assert error.value.returncode == 1
    assert not ResultSnapshot.objects.exists()


def test_one_that_fails_is_an_error_after_the_others_are_done(capsys):
    broken = make_experiment("broken")
    Variant.objects.filter(experiment=broken).update(is_control=False)
    make_experiment("sound")
    with pytest.raises(CommandError, match="Not computed: broken: experiment 'broken' has no"):
        refresh(capsys)
    assert capsys.readouterr().out == "sound: not_enough_data\n"
    assert ResultSnapshot.objects.get().experiment.key == "sound"


def test_a_named_one_that_fails_is_an_error_too(capsys):
    broken = make_experiment("broken")
    Variant.objects.filter(experiment=broken).update(is_control=False)
    make_experiment("sound")
    with pytest.raises(CommandError, match="Not computed: broken: experiment 'broken' has no"):
        refresh(capsys, "broken", "sound")
    assert capsys.readouterr().out == "sound: not_enough_data\n"
