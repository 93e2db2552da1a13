"""The peers' tests as they publish them, on arrays: what 10,000 simulations of 60 looks need.

`check_against_libraries` runs before anything else and compares each formula with the library
itself on drawn tables, so that a peer is never judged by our mistake. Eppo and Statsig are formulas
from their documentation; they cannot be run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Two arms in many runs and looks; every field broadcasts to `[num_runs, num_looks]`."""

    n_c: np.ndarray
    mean_c: np.ndarray
    var_c: np.ndarray
    n_t: np.ndarray
    mean_t: np.ndarray
    var_t: np.ndarray

    @property
    def num_units(self):
        return self.n_c + self.n_t

    @property
    def difference(self):
        return self.mean_t - self.mean_c

    @property
    def variance(self):
        return self.var_c / self.n_c + self.var_t / self.n_t

    @property
    def z(self):
        """Absolute difference in standard errors; 0 where nothing varies."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(self.difference / np.sqrt(self.variance), posinf=0, neginf=0)

    @property
    def df(self):
        """Welch-Satterthwaite."""
        c, t = self.var_c / self.n_c, self.var_t / self.n_t
        with np.errstate(divide="ignore", invalid="ignore"):
            df = (c + t) ** 2 / (c**2 / (self.n_c - 1) + t**2 / (self.n_t - 1))
        return np.nan_to_num(df, nan=1.0)

    @property
    def relative(self):
        """Gbstats' relative effect and its delta-method variance; no effect without a baseline."""
        with np.errstate(divide="ignore", invalid="ignore"):
            lift = self.difference / np.abs(self.mean_c)
            variance = self.var_t / (self.n_t * self.mean_c**2) + (
                self.var_c * self.mean_t**2 / (self.n_c * self.mean_c**4)
            )
        usable = (self.mean_c != 0) & (self.var_c > 0) & (self.var_t > 0)
        return np.where(usable, lift, 0.0), np.where(usable, variance, 1.0)


def fixed(arms, alpha=0.05):
    """Welch's t-test at every look, as tea-tasting, scipy and statsmodels do."""
    return 2 * special.stdtr(arms.df, -np.abs(arms.z)) < alpha


def gbstats_fixed(arms, alpha=0.05):
    """gbstats: t-test of the relative effect."""
    lift, variance = arms.relative
    return 2 * special.stdtr(arms.df, -np.abs(lift) / np.sqrt(variance)) < alpha


def asymptotic_width(num_units, alpha, tuning):
    """Half-width of the asymptotic confidence sequence in standard errors, rho from `tuning`."""
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuning
    spread = num_units * rho2
    return np.sqrt((spread + 1) / spread * np.log((spread + 1) / alpha**2))


def gbstats_sequential(arms, alpha=0.05, tuning=5000):
    """gbstats: asymptotic confidence sequence of the relative effect."""
    lift, variance = arms.relative
    return np.abs(lift) / np.sqrt(variance) > asymptotic_width(arms.num_units, alpha, tuning)


def gbstats_bayes(arms, threshold=0.95, prior_sd=None):
    """gbstats: chance to win above the threshold, or below its complement."""
    lift, variance = arms.relative
    z = lift / np.sqrt(variance)
    if prior_sd is not None:
        z = z * np.sqrt(prior_sd**2 / (prior_sd**2 + variance))
    return np.abs(z) > special.ndtri(threshold)


def eppo_sequential(arms, alpha=0.05, tuning=10_000):
    """Eppo's published normal mixture on the absolute difference."""
    rho2 = (math.log(math.log(math.e / alpha**2)) - 2 * math.log(alpha)) / tuning
    spread = arms.num_units * rho2
    return np.abs(arms.z) > np.sqrt((spread + 1) / spread * np.log((spread + 1) / alpha**2))


def statsig_sequential(arms):
    """Statsig's published mSPRT, whose boundary is a constant at alpha 0.05."""
    return np.abs(arms.z) > 3.585


def confseq_normal_mixture(arms, alpha=0.05, v_opt=5000):
    """Confseq's two-sided normal mixture with the units as its intrinsic time."""
    # special.lambertw gives the rho that makes the boundary tightest at v_opt.
    rho = v_opt / (-special.lambertw(-(alpha**2) / math.e, -1).real - 1)
    v = arms.num_units
    return np.abs(arms.z) > np.sqrt((v + rho) / v * np.log((v + rho) / (rho * alpha**2)))


def bonferroni(arms, alpha=0.05):
    """Welch's t-test at alpha shared by the looks."""
    return fixed(arms, alpha / arms.z.shape[-1])


PEEKING = {
    "fixed p < .05 (statsmodels, scipy, tea-tasting)": fixed,
    "gbstats frequentist": gbstats_fixed,
    "gbstats sequential, N*=5,000": gbstats_sequential,
    "gbstats Bayes, chance to win > 95 %": gbstats_bayes,
    "gbstats Bayes N(0, .3²), chance to win > 95 %": lambda arms: gbstats_bayes(arms, prior_sd=0.3),
    "confseq normal mixture, v_opt=5,000 (formula)": confseq_normal_mixture,
    "Eppo (published formula), N=10,000": eppo_sequential,
    "Statsig (published formula)": statsig_sequential,
    "Bonferroni over the looks": bonferroni,
}


def lift_intervals(arms, alpha=0.05):
    """The peers' intervals of the lift, (lower, upper) by name."""
    lift, variance = arms.relative
    width = -special.stdtrit(arms.df, alpha / 2) * np.sqrt(variance)
    z = -special.ndtri(alpha / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_sd = np.sqrt(
            arms.var_c / (arms.n_c * arms.mean_c**2) + arms.var_t / (arms.n_t * arms.mean_t**2)
        )
        ratio = arms.mean_t / arms.mean_c
        naive = z * np.sqrt(arms.variance) / arms.mean_c
    return {
        "gbstats delta": (lift - width, lift + width),
        "tea-tasting log": (ratio * np.exp(-z * log_sd) - 1, ratio * np.exp(z * log_sd) - 1),
        "spotify-confidence": (ratio - 1 - naive, ratio - 1 + naive),
    }


def check_against_libraries(rng):
    """Compare the formulas with the libraries; raises AssertionError where they differ.

    Returns:
        The versions that were compared.
    """
    import importlib.metadata

    import statsmodels.stats.weightstats as sm
    import tea_tasting as tt
    from gbstats.frequentist.tests import (
        FrequentistConfig,
        SequentialConfig,
        SequentialTwoSidedTTest,
        TwoSidedTTest,
    )
    from gbstats.models.statistics import ProportionStatistic

    for _ in range(20):
        n_c, n_t = (int(n) for n in rng.integers(500, 5000, 2))
        x_c, x_t = int(rng.binomial(n_c, 0.1)), int(rng.binomial(n_t, 0.12))
        p_c, p_t = x_c / n_c, x_t / n_t
        arms = Arms(
            n_c=np.array([[n_c]]),
            mean_c=np.array([[p_c]]),
            var_c=np.array([[p_c * (1 - p_c)]]),
            n_t=np.array([[n_t]]),
            mean_t=np.array([[p_t]]),
            var_t=np.array([[p_t * (1 - p_t)]]),
        )
        stats = ProportionStatistic(n=n_c, sum=x_c), ProportionStatistic(n=n_t, sum=x_t)
        lift, variance = arms.relative
        result = TwoSidedTTest(*stats, FrequentistConfig(alpha=0.05)).compute_result()
        lower, upper = lift_intervals(arms)["gbstats delta"]
        np.testing.assert_allclose(result.ci, [lower.item(), upper.item()], rtol=1e-9)
        sequential = SequentialTwoSidedTTest(*stats, SequentialConfig(alpha=0.05)).compute_result()
        half = asymptotic_width(arms.num_units, 0.05, 5000) * np.sqrt(variance)
        np.testing.assert_allclose(sequential.ci, [(lift - half).item(), (lift + half).item()])
        teatasting = tt.Mean("y", use_t=False, equal_var=False, alternative="two-sided")
        table = {0: (n_c, p_c, p_c * (1 - p_c)), 1: (n_t, p_t, p_t * (1 - p_t))}
        aggregates = {
            key: tt.aggr.Aggregates(count_=n, mean_={"y": mean}, var_={"y": variance}, cov_={})
            for key, (n, mean, variance) in table.items()
        }
        found = teatasting.analyze_aggregates(aggregates[0], aggregates[1])
        lower, upper = lift_intervals(arms)["tea-tasting log"]
        np.testing.assert_allclose(
            [found.rel_effect_size_ci_lower, found.rel_effect_size_ci_upper],
            [lower.item(), upper.item()],
            rtol=1e-9,
        )
        values = rng.lognormal(1, 1, 50), rng.lognormal(1, 1, 60)
        t, p, df = sm.ttest_ind(values[1], values[0], usevar="unequal")
        welch = Arms(
            n_c=np.array([[50]]),
            mean_c=values[0].mean().reshape(1, 1),
            var_c=values[0].var(ddof=1).reshape(1, 1),
            n_t=np.array([[60]]),
            mean_t=values[1].mean().reshape(1, 1),
            var_t=values[1].var(ddof=1).reshape(1, 1),
        )
        np.testing.assert_allclose([t, df], [welch.z.item(), welch.df.item()], rtol=1e-9)
        np.testing.assert_allclose(p, 2 * special.stdtr(df, -abs(t)), rtol=1e-9)
    names = ("gbstats", "tea-tasting", "statsmodels", "scipy", "numpy")
    return {name: importlib.metadata.version(name) for name in names}
