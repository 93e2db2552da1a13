"""Simulations as rows: ask for one, run it, write down how far it is and what came out."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from abtesting.exceptions import SimulationError
from abtesting.models import Experiment, SimulationRun
from abtesting.results.plan import Plan
from abtesting.results.simulation import Options, Progress, simulate
from abtesting.results.simulation_report import SimulationReport
from abtesting.results.trial import plan_of

logger = logging.getLogger("abtesting.results")

State = SimulationRun.State

SILENT_AFTER = dt.timedelta(seconds=60)
"""A run that has said nothing for so long is no longer worked on."""
BEAT_SECONDS = 1.0
NUM_RECENT = 20
PATHS = {
    "rule": "payload__aa__rule",
    "alpha": "payload__aa__alpha",
    "curves": "payload__power__curves",
    "only_lift": "payload__power__smallest_lift",
    "no_aa": "payload__aa__reason__code",
    "no_power": "payload__power__reason__code",
    "no_bandit": "payload__bandit__reason__code",
}
"""Keys of payloads that a list of runs reads."""
MAX_SECONDS = 900.0
"""After this a worker gives up, so that other tasks get their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A simulation in short.

    Attributes:
        run: The row, its payload not loaded.
        rule: Share of false alarms under the rule; None if that was not simulated.
        alpha: What the rule may err.
        smallest_lifts: The lift that is found in 80 % of runs, one a curve that has such a lift.
        lacks_part: Whether a part could not be simulated.
    """

    run: SimulationRun
    rule: Mapping[str, float] | None
    alpha: float | None
    smallest_lifts: tuple[float, ...]
    lacks_part: bool


def simulate_and_store(
    plan: Plan,
    options: Options,
    *,
    now: dt.datetime | None = None,
    progress: Progress = lambda share: None,
) -> SimulationRun:
    """Simulate here and now, and store what came out; nothing is stored where that fails."""
    now = now or timezone.now()
    started = time.monotonic()
    report = simulate(plan, options, now=now, progress=progress)
    is_stored = plan.experiment.pk is not None
    return SimulationRun.objects.create(
        experiment=plan.experiment if is_stored else None,
        metric=None if is_stored else plan.rows[0].metric,
        state=State.DONE,
        options=_as_json(options),
        progress=1.0,
        payload=report.as_payload(),
        seconds=round(time.monotonic() - started, 3),
        created_at=now,
        updated_at=timezone.now(),
    )


def ask_for(
    experiment: Experiment,
    options: Options,
    *,
    now: dt.datetime | None = None,
    actor_id: int | None = None,
) -> SimulationRun:
    """Store that a simulation is wanted; `run` does it.

    Raises:
        SimulationError: The experiment is not ready to be simulated.
    """
    if experiment.source == Experiment.Source.IMPORTED:
        raise SimulationError(f"experiment {experiment.key!r} was imported; allowed: live ones")
    plan_of(experiment)
    now = now or timezone.now()
    return SimulationRun.objects.create(
        experiment=experiment,
        options=_as_json(options),
        created_at=now,
        updated_at=now,
        created_by_id=actor_id,
    )


def run(run_id: int) -> None:
    """Do a simulation that was asked for; nothing if another worker does or did it, or it is gone.

    What goes wrong is written down in the row, and logged.
    """
    now = timezone.now()
    lost = Q(state=State.RUNNING, updated_at__lt=now - SILENT_AFTER)
    waiting = SimulationRun.objects.filter(Q(state=State.QUEUED) | lost, pk=run_id)
    if not waiting.update(state=State.RUNNING, progress=0.0, updated_at=now):
        return
    row = SimulationRun.objects.select_related("experiment").get(pk=run_id)
    started = time.monotonic()
    try:
        assert row.experiment is not None
        report = simulate(
            plan_of(row.experiment),
            _from_json(row.options),
            now=now,
            progress=_heart(run_id, started),
        )
    except Exception as error:
        if not isinstance(error, SimulationError):
            logger.exception("Simulation %s failed", run_id)
        _finish(run_id, started, state=State.FAILED, error=str(error) or type(error).__name__)
    else:
        _finish(run_id, started, state=State.DONE, report=report)


def give_up(run_id: int, *, error: str) -> None:
    """Write down that a simulation which was asked for will not be done."""
    SimulationRun.objects.filter(pk=run_id, state=State.QUEUED).update(
        state=State.FAILED, error=error, updated_at=timezone.now()
    )


def latest(experiment: Experiment) -> SimulationRun | None:
    """The newest simulation that is done, or None."""
    return SimulationRun.objects.filter(experiment=experiment, state=State.DONE).first()


def recent(experiment: Experiment, *, limit: int = NUM_RECENT) -> list[Outcome]:
    """The newest simulations, whatever their state, with who created them."""
    rows = SimulationRun.objects.filter(experiment=experiment).select_related("created_by")
    # Payloads are large: only these keys are read. Schema 1 has one lift, later ones several.
    rows = rows.defer("payload").annotate(**{name: F(path) for name, path in PATHS.items()})
    return [_outcome(row) for row in rows[:limit]]


def current(experiment: Experiment) -> SimulationRun | None:
    """The newest simulation, whatever its state, or None."""
    return SimulationRun.objects.filter(experiment=experiment).defer("payload").first()


def is_silent(run: SimulationRun, *, now: dt.datetime) -> bool:
    """Whether nobody seems to work on a simulation that is not over."""
    return not run.is_over and now - run.updated_at > SILENT_AFTER


def _outcome(row: Any) -> Outcome:
    """What `PATHS` has read of a row."""
    lifts = [curve["smallest_lift"] for curve in row.curves or ()] or [row.only_lift]
    return Outcome(
        run=row,
        rule=row.rule,
        alpha=row.alpha,
        smallest_lifts=tuple(lift for lift in lifts if lift is not None),
        lacks_part=any((row.no_aa, row.no_power, row.no_bandit)),
    )


def _heart(run_id: int, started: float) -> Progress:
    """Writes progress down, at most once a second, and gives up when it takes too long."""
    beaten = started

    def beat(share: float) -> None:
        nonlocal beaten
        now = time.monotonic()
        if now - started > MAX_SECONDS:
            raise SimulationError(
                f"the simulation took more than {MAX_SECONDS:.0f} seconds; allowed: fewer runs, or "
                "the command abtesting_simulate, which has no limit"
            )
        if now - beaten >= BEAT_SECONDS:
            beaten = now
            SimulationRun.objects.filter(pk=run_id, state=State.RUNNING).update(
                progress=share, updated_at=timezone.now()
            )

    return beat


def _finish(
    run_id: int,
    started: float,
    *,
    state: str,
    report: SimulationReport | None = None,
    error: str = "",
) -> None:
    SimulationRun.objects.filter(pk=run_id, state=State.RUNNING).update(
        state=state,
        progress=1.0,
        payload=report.as_payload() if report else None,
        error=error,
        seconds=round(time.monotonic() - started, 3),
        updated_at=timezone.now(),
    )


def _as_json(options: Options) -> dict[str, Any]:
    return {**asdict(options), "parts": list(options.parts)}


def _from_json(stored: dict[str, Any]) -> Options:
    return Options(**{**stored, "parts": tuple(stored["parts"])})
