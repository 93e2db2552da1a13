"""T3, T4, T6: tests that are read again and again, ours and the peers' on the same data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abtesting.statistics.boundaries import AlwaysValid
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.spending import ObrienFleming, Pocock
from abtesting.statistics.simulation.generators import Conversions, EventCounts, Generator, Revenue
from abtesting.statistics.simulation.paths import Paths
from abtesting.statistics.simulation.replays import shown
from calibrate.cells import OURS, Budget, Cell
from calibrate.one_look import arms_of
from calibrate.peers import PEEKING

ALPHA = 0.05
ANY_LOOK_MAX = 0.0565


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a test is read: units in the control and in the variant at each look."""

    name: str
    control: np.ndarray
    variant: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return self.control + self.variant

    @property
    def information(self) -> list[float]:
        return (self.total / self.total[-1]).tolist()


def schedule(name: str, per_arm, *, variant_share: float = 0.5) -> Schedule:
    """Looks after `per_arm` units of the smaller arm; the other is larger by its share."""
    control = np.unique(np.asarray(per_arm, dtype=np.int64))
    factor = variant_share / (1 - variant_share)
    return Schedule(name=name, control=control, variant=np.round(control * factor).astype(np.int64))


def equal_looks(num_looks: int, last: int) -> np.ndarray:
    return np.round(np.arange(1, num_looks + 1) * last / num_looks)


def rejections(control: Paths, variant: Paths, generator: Generator, boundary_at) -> np.ndarray:
    """Which runs our engine rejects at which look, shape `[num_runs, num_looks]`."""
    kind = "proportion" if isinstance(generator, Conversions) else "mean"
    boundaries = [boundary_at(look) for look in range(control.sums.shape[1])]
    return shown(control, variant, kind=kind, boundaries=boundaries) != 0


def group_sequential(looks: Schedule, spending):
    information = looks.information
    return lambda look: GroupSequentialLook(
        ALPHA, tuple(information[: look + 1]), spending=spending
    )


def always_valid(looks: Schedule):
    return lambda look: AlwaysValid(ALPHA, int(looks.total[-1]))


OURS_BY_RULE = {
    f"{OURS} group sequential (O'Brien-Fleming)": lambda looks: group_sequential(
        looks, ObrienFleming()
    ),
    f"{OURS} group sequential (Pocock)": lambda looks: group_sequential(looks, Pocock()),
    f"{OURS} always valid": always_valid,
}


def stopped_at(found: np.ndarray, looks: Schedule) -> float:
    """Mean share of the sample used."""
    first = np.where(found.any(axis=1), found.argmax(axis=1), found.shape[1] - 1)
    return float((looks.total[first] / looks.total[-1]).mean())


SPENDINGS = ("group sequential (O'Brien-Fleming)", "group sequential (Pocock)")
LAST = 20_000
"""Units in the smaller arm at the last look."""

MEANS = {
    "conversion .2 %": Conversions(0.002),
    "conversion 1 %": Conversions(0.01),
    "conversion 5 %": Conversions(0.05),
    "conversion 30 %": Conversions(0.3),
    "revenue, 5 % buy, sigma .8": Revenue(buyer_rate=0.05, log_sd=0.8),
    "revenue, 5 % buy, sigma 1.0": Revenue(buyer_rate=0.05, log_sd=1.0),
    "revenue, 3 % buy, sigma 1.3": Revenue(buyer_rate=0.03, log_sd=1.3),
    "counts, mean 2, uneven": EventCounts(average=2, shape=0.5),
}


def group_sequential_schedules(rng: np.random.Generator) -> list[Schedule]:
    """5 to 28 equal looks; jittered ones; one missed; one added."""
    found = [schedule(f"{k} equal looks", equal_looks(k, LAST)) for k in (5, 14, 20, 28)]
    jitter = equal_looks(14, LAST) + np.append(rng.integers(-600, 600, 13), 0)
    found.append(schedule("14 looks at uneven times", jitter))
    found.append(schedule("14 looks, the 5th missed", np.delete(equal_looks(14, LAST), 4)))
    added = np.sort(np.append(equal_looks(14, LAST), 0.53 * LAST))
    found.append(schedule("14 looks and one added", added))
    return found


def group_sequential_errors(budget: Budget) -> list[Cell]:
    """T3: any-look error of the group-sequential rules."""
    cells = []
    for looks in group_sequential_schedules(budget.rng("T3", "jitter")):
        for name in ("conversion 5 %", "revenue, 5 % buy, sigma 1.0", "counts, mean 2, uneven"):
            generator = MEANS[name]
            control, variant = draw(budget, "T3", looks, name)
            for method in SPENDINGS:
                found = rejections(
                    control, variant, generator, OURS_BY_RULE[f"{OURS} {method}"](looks)
                )
                slack = budget.slack(0.05)
                skewed = name.startswith("revenue")
                cells.append(
                    Cell(
                        test="T3",
                        setting=f"{name}, {looks.name}",
                        method=f"{OURS} {method}",
                        measure="any-look error",
                        value=float(found.any(axis=1).mean()),
                        # Skewed amounts: early looks wait, and what they would spend is not spent.
                        low=(0.03 if skewed else 0.0435) - slack,
                        high=ANY_LOOK_MAX + slack,
                    )
                )
    return cells


def always_valid_errors(budget: Budget) -> list[Cell]:
    """T4: any-look error of the always-valid rule, and of the peers on the same looks."""
    cells = []
    log_spaced = np.geomspace(50, LAST, 60)
    for share, split in ((0.5, "50/50"), (0.9, "10/90"), (0.1, "90/10")):
        small = equal_looks(20, LAST if share == 0.5 else LAST / 4)
        spaced = log_spaced if share == 0.5 else np.geomspace(50, LAST / 4, 60)
        factor = 1 if share >= 0.5 else 9
        for looks in (
            schedule(f"20 equal looks, {split}", small * factor, variant_share=share),
            schedule(f"60 log-spaced looks, {split}", spaced * factor, variant_share=share),
        ):
            for name, generator in MEANS.items():
                control, variant = draw(budget, "T4", looks, name)
                setting = f"{name}, {looks.name}"
                found = rejections(control, variant, generator, always_valid(looks))
                cells.append(
                    Cell(
                        test="T4",
                        setting=setting,
                        method=f"{OURS} always valid",
                        measure="any-look error",
                        value=float(found.any(axis=1).mean()),
                        high=ANY_LOOK_MAX + budget.slack(0.05),
                    )
                )
                arms = arms_of(control, variant, generator)
                for peer, rejects in PEEKING.items():
                    value = float(rejects(arms).any(axis=1).mean())
                    cells.append(
                        Cell(
                            test="T4",
                            setting=setting,
                            method=peer,
                            measure="any-look error",
                            value=value,
                        )
                    )
    return cells


FIXED = "fixed p < .05 (statsmodels, scipy, tea-tasting)"

LEAST_POWER = {
    f"{OURS} group sequential (O'Brien-Fleming)": 0.755,
    f"{OURS} group sequential (Pocock)": 0.66,
    f"{OURS} always valid": 0.45,
}


def power(budget: Budget) -> list[Cell]:
    """T6: power at any of 20 looks where one look has .80, and the share of the sample used."""
    cells = []
    for name in ("conversion 5 %", "counts, mean 2, uneven"):
        generator = MEANS[name]
        looks = schedule("20 equal looks", equal_looks(20, LAST))
        lift = lift_for_power(generator, num_units=LAST)
        rng = budget.rng("T6", name)
        control = generator.paths(looks.control, num_runs=budget.num_runs, rng=rng)
        variant = generator.paths(looks.variant, num_runs=budget.num_runs, rng=rng, lift=lift)
        arms = arms_of(control, variant, generator)
        setting = f"{name}, lift {lift:+.1%}, 20 looks"
        fixed_power = float(PEEKING[FIXED](arms)[:, -1].mean())
        cells.append(
            Cell(
                test="T6",
                setting=setting,
                method="one look at the end",
                measure="power",
                value=fixed_power,
                low=0.788 - budget.slack(0.8),
                high=0.812 + budget.slack(0.8),
            )
        )
        for method, rule in OURS_BY_RULE.items():
            found = rejections(control, variant, generator, rule(looks))
            cells.append(
                Cell(
                    test="T6",
                    setting=setting,
                    method=method,
                    measure="power",
                    value=float(found.any(axis=1).mean()),
                    low=LEAST_POWER[method] - budget.slack(0.75),
                )
            )
            cells.append(
                Cell(
                    test="T6",
                    setting=setting,
                    method=method,
                    measure="share of the sample used",
                    value=stopped_at(found, looks),
                )
            )
        for peer, rejects in PEEKING.items():
            found = rejects(arms)
            for measure, value in (
                ("power", found.any(axis=1).mean()),
                ("share of the sample used", stopped_at(found, looks)),
            ):
                cells.append(
                    Cell(
                        test="T6",
                        setting=setting,
                        method=peer,
                        measure=measure,
                        value=float(value),
                    )
                )
    return cells


def lift_for_power(generator: Conversions | EventCounts, *, num_units: int) -> float:
    """The lift that one look finds in 80 % of runs: 1.96 + .8416 standard errors."""
    lift = 0.0
    for _ in range(20):  # the variance of the raised arm depends on the lift
        mean = generator.mean * (1 + lift)
        if isinstance(generator, Conversions):
            raised = mean * (1 - mean)
        else:
            raised = mean + mean**2 / generator.shape
        lift = 2.8016 * np.sqrt((generator.variance + raised) / num_units) / generator.mean
    return float(lift)


def draw(budget: Budget, test: str, looks: Schedule, name: str) -> tuple[Paths, Paths]:
    """The data of an A/A test."""
    rng = budget.rng(test, looks.name, name)
    generator = MEANS[name]
    return (
        generator.paths(looks.control, num_runs=budget.num_runs, rng=rng),
        generator.paths(looks.variant, num_runs=budget.num_runs, rng=rng),
    )
