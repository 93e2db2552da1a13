"""Known answers: the cases of `tests/vectors/<topic>.json`, as parameters of a test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

VECTORS = Path(__file__).parent / "vectors"


def load(topic):
    """All cases of a topic; each has id, method, inputs, expected, tolerance and source."""
    return json.loads((VECTORS / f"{topic}.json").read_text(encoding="utf-8"))["cases"]


def cases(topic, method):
    """Parametrise a test over the cases of one method; a method without any is an error."""
    chosen = [case for case in load(topic) if case["method"] == method]
    if not chosen:
        raise ValueError(f"tests/vectors/{topic}.json has no case of {method!r}")
    return pytest.mark.parametrize("case", chosen, ids=[case["id"] for case in chosen])


def close(case, name=None):
    """What `pytest.approx` takes of a case's tolerance, that of an output with its own by name."""
    tolerance = case["tolerance"]
    own = {key: value for key, value in tolerance.items() if key in ("rel", "abs")}
    if name is not None and name in tolerance:
        own = {"abs": tolerance[name]}
    return own
