"""Assignment: experiment key + unit → variant, reason, propensity. No write, no query."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from abtesting.assignment import definitions
from abtesting.bucketing.definition import Decision, ExperimentDefinition, Reason, decide

logger = logging.getLogger("abtesting.assignment")

_logged: set[tuple[str, str]] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a unit sees in an experiment, and why.

    Attributes:
        experiment: Key of the experiment.
        variant: Key of the variant, or None when the experiment is unknown: show the control.
        is_control: Whether that is the control (true when the experiment is unknown).
        payload: The variant's values.
        propensity: Probability of this variant; None when the unit was not randomised.
        unit_kind: Who is randomised, such as "visitor".
        unit: The id that was randomised, or "".
    """

    experiment: str
    variant: str | None
    is_control: bool
    reason: Reason
    payload: Mapping[str, Any] = field(default_factory=dict)
    propensity: float | None = None
    experiment_id: int | None = None
    variant_id: int | None = None
    unit_kind: str = ""
    unit: str = ""

    @property
    def is_counted(self) -> bool:
        """Whether showing it is an exposure: only randomised units are analysed."""
        return self.reason is Reason.ASSIGNED


def assign(
    experiment: str, unit_of: Callable[[str], str | None], *, is_bot: bool = False
) -> Assignment:
    """Assign a unit. A broken experiment gives the control, and the reason is logged once.

    Args:
        experiment: Key of the experiment.
        unit_of: Gives the id for a unit kind ("visitor", "user"), or None. Called once, and only
            for an experiment that runs.
        is_bot: Bots see the control and are not counted.
    """
    definition = definitions.get(experiment)
    if definition is None:
        _log_once(experiment, Reason.UNKNOWN_EXPERIMENT, "is unknown, a draft or broken")
        return Assignment(
            experiment=experiment, variant=None, is_control=True, reason=Reason.UNKNOWN_EXPERIMENT
        )
    try:
        if is_bot and definition.state == "running":
            return _result(definition, Decision(variant=definition.control, reason=Reason.BOT))
        unit = unit_of(definition.unit) if definition.state == "running" else None
        decision = decide(definition, unit)
        if decision.reason is Reason.NOT_RUNNING:
            _log_once(experiment, decision.reason, f"is {definition.state}")
        return _result(definition, decision, unit or "")
    except Exception:
        if (experiment, Reason.ERROR) not in _logged:
            _logged.add((experiment, Reason.ERROR))
            logger.exception("Experiment %s failed: the control is served", experiment)
        return _result(definition, Decision(variant=definition.control, reason=Reason.ERROR))


def _result(definition: ExperimentDefinition, decision: Decision, unit: str = "") -> Assignment:
    return Assignment(
        experiment=definition.key,
        variant=decision.variant.key,
        is_control=decision.variant is definition.control,
        reason=decision.reason,
        payload=decision.variant.payload,
        propensity=decision.propensity,
        experiment_id=definition.id,
        variant_id=decision.variant.id,
        unit_kind=definition.unit,
        unit=unit,
    )


def _log_once(experiment: str, reason: Reason, text: str) -> None:
    if (experiment, reason) not in _logged:
        _logged.add((experiment, reason))
        logger.warning("Experiment %s %s: the control is served", experiment, text)
