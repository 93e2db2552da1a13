"""The one error tree.

Every error has a machine-readable `code` and a message that names the thing, the value and what is
allowed.
"""

from __future__ import annotations


class AbtestingError(Exception):
    """Base of every error this app raises on purpose."""

    code = "error"


class TransitionError(AbtestingError):
    """A lifecycle transition that the experiment's state or set-up does not allow."""

    code = "transition"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class FrozenFieldError(AbtestingError):
    """A field that may not change any more, because units have been assigned by it."""

    code = "frozen_field"


class InvalidEventError(AbtestingError, ValueError):
    """An event that cannot be stored: bad name, value, key or time."""

    code = "invalid_event"


class InvalidTokenError(AbtestingError, ValueError):
    """A unit token that is missing, forged or expired."""

    code = "invalid_token"


class ImportFileError(AbtestingError, ValueError):
    """A file that cannot be imported; `problems` lists (line number, reason) for its rows."""

    code = "import_file"

    def __init__(self, message: str, problems: list[tuple[int, str]] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []


class SimulationError(AbtestingError, ValueError):
    """A simulation that cannot be run as asked: bad options, or an experiment that is not ready."""

    code = "simulation"
