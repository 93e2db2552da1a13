"""Sticky buckets: what a unit got before, which outlives changed weights and targeting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from abtesting.bucketing.coercion import is_truthy
from abtesting.bucketing.rules import ExperimentRule

Document = dict[str, Any]
"""attributeName, attributeValue, and assignments: "<experiment>__<version>" → variation key."""


@dataclass(slots=True)
class StickyBuckets:
    """The documents of whoever asks, by "<attribute>||<value>".

    Attributes:
        changed: Keys of those that evaluation has changed, to be stored.
    """

    documents: dict[str, Document] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def find(self, rule: ExperimentRule, attributes: Mapping[str, Any]) -> tuple[int | None, bool]:
        """The variation that a unit had, and whether one of an older version blocks it."""
        kept = self._assignments(rule, attributes)
        if not kept:
            return None, False
        for version in range(rule.min_bucket_version):
            if f"{rule.key}__{version}" in kept:
                return None, True
        key = kept.get(f"{rule.key}__{rule.bucket_version}")
        named = rule.definition.get("meta") or ()
        found = next((i for i, about in enumerate(named) if about.get("key") == key), None)
        return (found if key is not None else None), False

    def keep(self, rule: ExperimentRule, attribute: str, value: Any, variation: str) -> None:
        """Note a unit's variation."""
        text = _text(value)
        name = f"{attribute}||{text}"
        document = self.documents.get(name) or {}
        assignments = document.get("assignments") or {}
        experiment = f"{rule.key}__{rule.bucket_version}"
        if assignments.get(experiment) == variation:
            return
        self.documents[name] = {
            "attributeName": attribute,
            "attributeValue": text,
            "assignments": {**assignments, experiment: variation},
        }
        self.changed.add(name)

    def _assignments(
        self, rule: ExperimentRule, attributes: Mapping[str, Any]
    ) -> Mapping[str, str]:
        """Those of the fallback attribute (the clients' default is "id"), then the hashed one's."""
        kept: dict[str, str] = {}
        for attribute in (rule.fallback_attribute or "id", rule.hash_attribute):
            value = attributes.get(attribute)
            if is_truthy(value):
                document = self.documents.get(f"{attribute}||{_text(value)}") or {}
                kept.update(document.get("assignments") or {})
        return kept


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
