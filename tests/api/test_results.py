"""`GET experiments/<key>/results/`: who may read it, and what is there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission

from abtesting.results.snapshots import refresh
from tests.builders import expose, make_experiment

pytestmark = pytest.mark.django_db

URL = "/abtesting/api/v1/experiments/test/results/"


@pytest.fixture
def reader(django_user_model):
    user = django_user_model.objects.create_user("reader")
    user.user_permissions.add(Permission.objects.get(codename="view_results"))
    return user


def test_the_latest_snapshot_is_read_as_the_page_shows_it(client, reader):
    experiment = make_experiment()
    refresh(experiment)
    expose(experiment, "b", "ada")
    newest = refresh(experiment)
    client.force_login(reader)
    response = client.get(URL)
    assert response.status_code == 200
    assert response.json() == newest.payload
    assert response.json()["variants"][1]["num_units"] == 1


def test_the_snapshot_says_by_which_rule_and_at_which_look_it_was_read(client, reader):
    refresh(make_experiment(planned_num_units=4000))
    client.force_login(reader)
    found = client.get(URL).json()
    assert (found["method"]["rule"], found["method"]["alpha"]) == ("group_sequential", 0.05)
    assert (found["looks"]["taken"], found["looks"]["is_final"]) == ([], False)


def test_a_visitor_reads_nothing(client):
    refresh(make_experiment())
    assert client.get(URL).status_code == 403


def test_a_user_without_the_permission_reads_nothing(client, django_user_model):
    refresh(make_experiment())
    client.force_login(django_user_model.objects.create_user("mara", is_staff=True))
    response = client.get(URL)
    assert response.status_code == 403
    assert "variants" not in response.json()


def test_without_the_permission_nobody_learns_which_experiments_there_are(client):
    assert client.get(URL).status_code == 403


def test_an_unknown_experiment_is_not_found(client, reader):
    client.force_login(reader)
    assert client.get(URL).status_code == 404


def test_an_experiment_without_results_says_how_to_get_some(client, reader):
    make_experiment()
    client.force_login(reader)
    response = client.get(URL)
    assert response.status_code == 404
    assert response.json() == {
        "code": "no_snapshot",
        "detail": "Experiment test has no results yet: run abtesting_refresh.",
    }


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_results_can_only_be_read(client, reader, method):
    refresh(make_experiment())
    client.force_login(reader)
    assert getattr(client, method)(URL).status_code == 405


def test_reading_computes_nothing(client, reader, monkeypatch):
    refresh(make_experiment())
    client.force_login(reader)

    def fail(*args, **kwargs):
        raise AssertionError("an analysis was made")

    monkeypatch.setattr("abtesting.results.snapshots.read", fail)
    assert client.get(URL).status_code == 200
