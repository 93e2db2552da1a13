"""Migrations of data: forwards with old rows, and back."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.builders import START

FIRST, RULES = ("abtesting", "0001_initial"), ("abtesting", "0002_decision_rules")
SIMULATIONS, CRITERIA = ("abtesting", "0003_simulation_run"), ("abtesting", "0004_criteria")


@pytest.fixture
def migrate(transactional_db):
    """Moves the app to a migration and returns its models there; all are applied afterwards."""

    def move(target):
        executor = MigrationExecutor(connection)
        executor.migrate([target])
        return MigrationExecutor(connection).loader.project_state([target]).apps

    yield move
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_started_tests_keep_the_rule_they_were_started_with(migrate):
    old = migrate(FIRST).get_model("abtesting", "Experiment").objects
    rows = [
        ("planned", "running", "live", 2000, "fixed_horizon"),
        ("stopped", "stopped", "live", 2000, "fixed_horizon"),
        ("open", "running", "live", None, "always_valid"),
        ("draft", "draft", "live", 2000, ""),
        ("imported", "stopped", "imported", None, ""),
    ]
    for key, state, source, planned, _rule in rows:
        old.create(
            key=key,
            name=key,
            state=state,
            source=source,
            planned_num_units=planned,
            started_at=START,
        )
    new = migrate(RULES).get_model("abtesting", "Experiment").objects
    assert dict(new.values_list("key", "decision_rule")) == {row[0]: row[4] for row in rows}
    assert set(new.values_list("planned_num_looks", flat=True)) == {20}
    back = migrate(FIRST).get_model("abtesting", "Experiment").objects
    assert set(back.values_list("key", flat=True)) == {row[0] for row in rows}


def test_started_tests_keep_the_settings_they_were_judged_by(migrate, settings):
    settings.ABTESTING = {"ALPHA": 0.1, "MINIMUM_UNITS": 50}
    old = migrate(SIMULATIONS).get_model("abtesting", "Experiment").objects
    states = ["draft", "running", "paused", "stopped", "decided"]
    for state in states:
        old.create(key=state, name=state, state=state, started_at=START)
    new = migrate(CRITERIA).get_model("abtesting", "Experiment").objects
    names = ("alpha", "minimum_units", "tuned_num_units", "prior_lift_sd")
    found = {row[0]: row[1:] for row in new.values_list("key", *names)}
    started = dict.fromkeys(states[1:], (0.1, 50, 10_000, 0.3))
    assert found == {"draft": (None, None, None, None), **started}
    back = migrate(SIMULATIONS).get_model("abtesting", "Experiment").objects
    assert set(back.values_list("key", flat=True)) == set(states)
