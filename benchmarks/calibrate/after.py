"""T7, T11: estimates after a stop or a selection, and what a prior promises."""

from __future__ import annotations

import numpy as np

from abtesting.statistics.bayesian.bayes import bayesian_estimate
from abtesting.statistics.bayesian.bayes_conjugate import beta_binomial
from abtesting.statistics.bayesian.bayes_peeking import any_peek_error
from abtesting.statistics.bayesian.priors import BetaPrior, NormalPrior
from abtesting.statistics.moments import Counts
from abtesting.statistics.programme.shrinkage import shrink_effects
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.stagewise import stagewise_inference, tail_probability
from calibrate.cells import OURS, Budget, Cell
from calibrate.peeking import equal_looks

ALPHA = 0.05


def stopping(budget: Budget) -> list[Cell]:
    """T5 and T7: estimate and interval after stopping at a group-sequential look."""
    cells = []
    information = (equal_looks(10, 1_000) / 1_000).tolist()
    looks = [GroupSequentialLook(ALPHA, tuple(information[: k + 1])) for k in range(10)]
    bounds = np.array([look.critical(10_000, None) for look in looks])
    for drift in (0.0, 1.4, 2.8, 4.0):
        setting = f"10 looks, drift {drift}"
        rng = budget.rng("T7", setting)
        steps = rng.standard_normal((budget.num_runs, 10)) + drift * np.sqrt(0.1)
        z = np.cumsum(steps, axis=1) / np.sqrt(np.arange(1, 11))
        crossed = np.abs(z) > bounds
        stop = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 9)
        above, covered, naive = [], [], []
        for run, k in enumerate(stop):
            design, seen = looks[k].design, float(z[run, k])
            # The estimate is above the truth, and the interval holds it, as the tails at the truth
            # say. Some runs are worked out in full to see that it is so.
            upper, lower = (
                tail_probability(seen, design, drift=drift, above=up) for up in (True, False)
            )
            above.append(upper < 0.5)
            covered.append(min(upper, lower) >= ALPHA / 2)
            if run < 40:
                error = 1 / np.sqrt(information[k])  # the standard error at the plan is 1
                result = stagewise_inference(seen * error, error, design=design)
                assert (result.estimate > drift) == above[-1]
                assert result.interval.contains(drift) == covered[-1]
            if crossed[run].any() and drift:
                naive.append(seen / np.sqrt(information[k]) / drift)
        slack = budget.slack(0.5)
        cells += [
            Cell(
                test="T7",
                setting=setting,
                method=f"{OURS} stage-wise",
                measure="median-unbiased estimate above the truth",
                value=float(np.mean(above)),
                low=0.485 - slack,
                high=0.515 + slack,
            ),
            Cell(
                test="T5",
                setting=setting,
                method=f"{OURS} stage-wise",
                measure="coverage after stopping",
                value=float(np.mean(covered)),
                low=0.943 - budget.slack(0.05),
                high=0.957 + budget.slack(0.05),
            ),
        ]
        if naive:
            cells.append(
                Cell(
                    test="T7",
                    setting=setting,
                    method="the plain estimate (all peers)",
                    measure="winners' estimate / truth",
                    value=float(np.mean(naive)),
                )
            )
    return cells


def selection(budget: Budget) -> list[Cell]:
    """T7: winners of many tests, before and after shrinkage."""
    rng = budget.rng("T7", "shrinkage")
    num_tests = 100
    num_families = max(20, budget.num_runs // 20)
    chosen_truth, chosen_plain, chosen_shrunk = [], [], []
    for _ in range(num_families):
        errors = rng.uniform(0.005, 0.02, num_tests)
        truth = rng.normal(0.005, 0.012, num_tests)
        seen = truth + errors * rng.standard_normal(num_tests)
        result = shrink_effects(seen.tolist(), errors.tolist())
        shrunk = np.array([effect.estimate for effect in result.effects])
        winners = seen / errors > 1.96
        chosen_truth.append(truth[winners].sum())
        chosen_plain.append(seen[winners].sum())
        chosen_shrunk.append(shrunk[winners].sum())
    total = np.sum(chosen_truth)
    setting = f"{num_families} programmes of {num_tests} tests, the significant ones chosen"
    return [
        Cell(
            test="T7",
            setting=setting,
            method=f"{OURS} empirical Bayes",
            measure="sum of winners' estimates / truth",
            value=float(np.sum(chosen_shrunk) / total),
            low=0.95,
            high=1.05,
        ),
        Cell(
            test="T7",
            setting=setting,
            method="the plain estimate (all peers)",
            measure="sum of winners' estimates / truth",
            value=float(np.sum(chosen_plain) / total),
        ),
    ]


def bayes(budget: Budget) -> list[Cell]:
    """T11: the truth is drawn from the prior; intervals, chances and risks are what they say."""
    cells = []
    # The exact model takes some hundredths of a second for each run.
    for name, draw, runs in (
        ("normal", _normal_runs, budget.num_runs),
        ("beta-binomial", _beta_runs, max(300, budget.num_runs // 5)),
    ):
        truth, results = draw(budget.rng("T11", name), runs)
        covered = np.array(
            [lower <= t <= upper for t, (lower, upper, *_) in zip(truth, results, strict=True)]
        )
        chance = np.array([result[2] for result in results])
        loss = np.array([result[3] for result in results])
        cells.append(
            Cell(
                test="T11",
                setting=f"{name} model",
                method=OURS,
                measure="coverage of the 95 % credible interval",
                value=float(covered.mean()),
                low=0.9435 - budget.slack(0.05, runs),
                high=0.9565 + budget.slack(0.05, runs),
            )
        )
        won = truth > 0
        worst = 0.0
        for decile in range(10):
            inside = (chance >= decile / 10) & (chance <= (decile + 1) / 10)
            if inside.sum() >= 30:
                said, was = chance[inside].mean(), won[inside].mean()
                spread = np.sqrt(chance[inside] @ (1 - chance[inside])) / inside.sum()
                worst = max(worst, abs(said - was) / max(spread, 1e-9))
        cells.append(
            Cell(
                test="T11",
                setting=f"{name} model",
                method=OURS,
                measure="chance to win against wins, worst decile in standard errors",
                value=float(worst),
                high=3.5,
            )
        )
        chosen = chance > 0.5
        realised = np.maximum(-truth[chosen], 0).sum()
        spread = np.maximum(-truth[chosen], 0).std() * np.sqrt(chosen.sum())
        cells.append(
            Cell(
                test="T11",
                setting=f"{name} model",
                method=OURS,
                measure="realised loss / reported risk",
                value=float(realised / loss[chosen].sum()),
                low=1 - max(0.05, 3 * spread / loss[chosen].sum()),
                high=1 + max(0.05, 3 * spread / loss[chosen].sum()),
            )
        )
    for looks in (1, 7, 20):
        error = any_peek_error(0.95, looks)
        cells.append(
            Cell(
                test="T11",
                setting=f"chance to win > 95 %, flat prior, {looks} looks",
                method=f"{OURS}, printed beside the Bayesian view",
                measure="any-look error (exact)",
                value=error.any_look,
            )
        )
    return cells


def _normal_runs(rng, num_runs):
    prior = NormalPrior(0.0, 0.05)
    truth = rng.normal(prior.mean, prior.sd, num_runs)
    errors = rng.uniform(0.01, 0.1, num_runs)
    seen = truth + errors * rng.standard_normal(num_runs)
    found = []
    for estimate, error in zip(seen, errors, strict=True):
        effect = bayesian_estimate(float(estimate), float(error), prior=prior)
        found.append(
            (
                effect.interval.lower,
                effect.interval.upper,
                effect.chance_to_win,
                effect.loss_of_variant,
            )
        )
    return truth, found


def _beta_runs(rng, num_runs):
    prior = BetaPrior(20.0, 380.0)
    rates = rng.beta(prior.alpha, prior.beta, (num_runs, 2))
    counts = rng.binomial(2_000, rates)
    found = []
    for x_c, x_t in counts.tolist():
        effect = beta_binomial(
            Counts(num_units=2_000, num_successes=x_c),
            Counts(num_units=2_000, num_successes=x_t),
            prior=prior,
        )
        interval = effect.difference_interval
        found.append((interval.lower, interval.upper, effect.chance_to_win, effect.loss_of_variant))
    return rates[:, 1] - rates[:, 0], found
