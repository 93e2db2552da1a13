"""Definitions in memory: rows → frozen definitions, kept in the process, reloaded when they change.

A version in the cache tells every process to reload; it is looked at at most once per
VERSION_CHECK_SECONDS, and definitions are reloaded after DEFINITIONS_AGE_SECONDS in any case.
While the database or the cache is out of reach, the last definitions are served.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.cache import caches
from django.db import Error as DatabaseFailure
from django.db import transaction

from abtesting.bucketing.definition import ExperimentDefinition, VariantDefinition
from abtesting.conf import settings
from abtesting.models import Experiment

logger = logging.getLogger("abtesting.assignment")

_VERSION_KEY = "abtesting.definitions.version"


@dataclass(slots=True)
class _Kept:
    definitions: Mapping[str, ExperimentDefinition] = field(default_factory=dict)
    version: str | None = None
    loaded_at: float = float("-inf")
    checked_at: float = float("-inf")
    # What has been logged: an outage or a broken experiment is said once, not once a second.
    out_of_reach: set[str] = field(default_factory=set)
    left_out: Mapping[str, str] = field(default_factory=dict)


_kept = _Kept()
_lock = threading.Lock()


def get(key: str) -> ExperimentDefinition | None:
    """The definition in memory; no query, no network. None when there is none."""
    return _kept.definitions.get(key)


def running() -> list[ExperimentDefinition]:
    """The experiments that run now; no query."""
    return [found for found in _kept.definitions.values() if found.state == "running"]


def revalidate() -> None:
    """Reload when the version changed or the definitions are old. Never raises.

    Called at the start of a request. Between checks it costs one clock reading.
    """
    now = time.monotonic()
    if now - _kept.checked_at < settings.VERSION_CHECK_SECONDS:
        return
    # One thread looks; the others go on with what they have, unless there is nothing yet.
    if not _lock.acquire(blocking=_kept.loaded_at == float("-inf")):
        return
    try:
        if now - _kept.checked_at < settings.VERSION_CHECK_SECONDS:
            return  # another thread did it while we waited
        _kept.checked_at = now
        version = _read_version()
        old = now - _kept.loaded_at >= settings.DEFINITIONS_AGE_SECONDS
        if old or (version is not None and version != _kept.version):
            _reload(version, now)
    finally:
        _lock.release()


def reload() -> None:
    """Read the definitions from the database now, whatever their age."""
    with _lock:
        _reload(_read_version(), time.monotonic())


def changed() -> None:
    """Tell every process, once the current transaction commits, that definitions changed."""
    transaction.on_commit(_publish)


def forget() -> None:
    """Drop what is kept, as in a process that has just started (for tests)."""
    global _kept  # noqa: PLW0603  (the one piece of process state, replaced as a whole)
    _kept = _Kept()


def build(experiment: Experiment) -> ExperimentDefinition:
    """The frozen definition of an experiment whose variants are prefetched.

    Raises:
        ValueError: No control, fewer than two variants, unusable weights, or a payload that is no
            JSON object.
    """
    for variant in experiment.variants.all():
        if not isinstance(variant.payload, dict):
            raise ValueError(
                f"payload of variant {variant.key!r} of experiment {experiment.key!r} is "
                f"{variant.payload!r}; allowed: a JSON object"
            )
    variants = {
        variant.pk: VariantDefinition(
            id=variant.pk, key=variant.key, weight=variant.weight, payload=variant.payload
        )
        for variant in experiment.variants.all()
    }
    control = next((v for v in experiment.variants.all() if v.is_control), None)
    if control is None:
        raise ValueError(f"experiment {experiment.key!r} has no control; allowed: exactly one")
    decided = variants.get(experiment.decided_variant_id or 0)
    return ExperimentDefinition(
        id=experiment.pk,
        key=experiment.key,
        seed=experiment.seed or experiment.key,
        unit=experiment.unit,
        state=experiment.state,
        coverage=experiment.allocation,
        variants=tuple(variants.values()),
        control=variants[control.pk],
        decided_variant=decided.key if decided else None,
    )


def _publish() -> None:
    _kept.checked_at = _kept.loaded_at = float("-inf")  # this process reloads in any case
    try:
        caches[settings.CACHE_ALIAS].set(_VERSION_KEY, secrets.token_hex(8), timeout=None)
    except Exception:
        # Other processes then reload by age: later, but they do.
        logger.exception("The cache could not be told that definitions changed")


def _read_version() -> str | None:
    try:
        version: str | None = caches[settings.CACHE_ALIAS].get(_VERSION_KEY)
    except Exception:
        if "cache" not in _kept.out_of_reach:
            _kept.out_of_reach.add("cache")
            logger.exception("The cache is out of reach: definitions are refreshed by age only")
        return None
    _kept.out_of_reach.discard("cache")
    return version


def _reload(version: str | None, now: float) -> None:
    try:
        rows = list(
            Experiment.objects.exclude(state=Experiment.State.DRAFT)
            .filter(source=Experiment.Source.LIVE)
            .prefetch_related("variants")
        )
    except DatabaseFailure:
        if "database" not in _kept.out_of_reach:
            _kept.out_of_reach.add("database")
            logger.exception(
                "Definitions could not be read: serving the %d kept", len(_kept.definitions)
            )
        return
    _kept.out_of_reach.discard("database")
    definitions, left_out = {}, {}
    for row in rows:
        try:
            definitions[row.key] = build(row)
        except ValueError as error:
            # One broken experiment must not take the others with it.
            left_out[row.key] = str(error)
            if _kept.left_out.get(row.key) != str(error):
                logger.warning("Experiment left out: %s", error)
    _kept.left_out = left_out
    _kept.definitions = definitions
    _kept.version = version
    _kept.loaded_at = now
