"""Settings: one dict `ABTESTING`, read at call time, defaults documented here.

>>> from abtesting.conf import settings
>>> settings.ALPHA
0.05
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings

DEFAULTS: dict[str, Any] = {
    # Statistics: all but SRM_ALPHA are fixed for an experiment when it starts
    "ALPHA": 0.05,  # two-sided error rate of an experiment's goal metrics together
    "SRM_ALPHA": 0.001,  # a traffic split less likely than this invalidates the results
    "MINIMUM_UNITS": 100,  # per variant: below it a result is "not enough data"
    "TUNED_NUM_UNITS": 10_000,  # the always-valid rule is sharpest at this many units in a test
    "PRIOR_LIFT_SD": 0.3,  # the Bayesian view expects lifts of about this size, either way
    # Units
    "COOKIE_NAME": "abtesting",
    "COOKIE_AGE_DAYS": 365,
    "COOKIE_DOMAIN": None,  # None: the host that set it
    "COOKIE_SECURE": None,  # None: secure on HTTPS requests
    # Browser events
    "BROWSER_EVENTS": (),  # names that browsers may send; what the server records is not among them
    "TOKEN_AGE_SECONDS": 7 * 24 * 3600,
    "MAX_BATCH_EVENTS": 200,
    "EVENTS_THROTTLE_RATE": "600/min",  # per client address; None: unlimited
    "MAX_EVENT_AGE_DAYS": 7,  # older client times are clamped to this
    # Definitions in memory
    "CACHE_ALIAS": "default",  # carries the version that tells processes to reload
    "VERSION_CHECK_SECONDS": 1.0,  # how often a process looks at that version
    "DEFINITIONS_AGE_SECONDS": 60.0,  # reload after this even when the version did not change
}


class AbtestingSettings:
    """Attribute access to `settings.ABTESTING` over the defaults."""

    def __getattr__(self, name: str) -> Any:
        """Return the setting; AttributeError names an unknown one."""
        if name not in DEFAULTS:
            raise AttributeError(
                f"abtesting has no setting {name!r}; allowed: {', '.join(sorted(DEFAULTS))}"
            )
        return getattr(django_settings, "ABTESTING", {}).get(name, DEFAULTS[name])


settings = AbtestingSettings()
