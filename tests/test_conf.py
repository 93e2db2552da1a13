"""Settings: defaults, overrides that are read at call time, and no silent misspelling."""

from __future__ import annotations

import pytest

from abtesting.conf import DEFAULTS
from abtesting.conf import settings as abtesting_settings


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_without_a_setting_the_default_is_in_force(settings, name):
    settings.ABTESTING = {}
    assert getattr(abtesting_settings, name) == DEFAULTS[name]
    del settings.ABTESTING
    assert getattr(abtesting_settings, name) == DEFAULTS[name]


def test_a_setting_is_read_when_it_is_used(settings):
    settings.ABTESTING = {"ALPHA": 0.01}
    assert abtesting_settings.ALPHA == 0.01
    settings.ABTESTING = {"ALPHA": 0.1}
    assert abtesting_settings.ALPHA == 0.1


def test_a_setting_may_be_none(settings):
    settings.ABTESTING = {"EVENTS_THROTTLE_RATE": None}

    assert abtesting_settings.EVENTS_THROTTLE_RATE is None


def test_one_setting_leaves_the_others_as_they_are(settings):
    settings.ABTESTING = {"ALPHA": 0.01}

    assert abtesting_settings.SRM_ALPHA == 0.001


def test_an_unknown_setting_is_an_error_that_names_those_there_are():
    with pytest.raises(AttributeError, match="no setting 'ALFA'; allowed: ALPHA, BROWSER_EVENTS"):
        _ = abtesting_settings.ALFA
