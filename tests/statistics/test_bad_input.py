"""Every public function of the engine, with arguments of the wrong kind and with useless data.

Each function has one good call here. Every argument of it is then replaced by what cannot be right,
by its kind: arrays for moments, a bare level for a boundary, no values, NaN, a negative count. What
comes back is a `ValueError` that says what is wrong, or `NotEnoughData`, or a result without a NaN
and without a certainty that nothing could have given.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest

from abtesting.statistics.adaptive import (
    adaptive_batches,
    adaptive_inference,
    bandit_posteriors,
    bandits,
    doubly_robust,
    linear_thompson,
    off_policy,
    off_policy_sequences,
)
from abtesting.statistics.adjustment import (
    anytime_regression,
    covariates,
    crossfit,
    cuped,
    regression,
    robust_regression,
    stratification,
)
from abtesting.statistics.batch import ArmArrays, compare_means_batch, compare_ratios_batch
from abtesting.statistics.batch_proportions import compare_proportions_batch
from abtesting.statistics.bayesian import (
    bayes,
    bayes_best,
    bayes_conjugate,
    bayes_lift,
    bayes_peeking,
    priors,
)
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.families import (
    dunnett,
    gatekeeping,
    guardrails,
    multiplicity,
    roles,
    simultaneous,
)
from abtesting.statistics.grouping import moments_by_group
from abtesting.statistics.health import (
    balance,
    exposures,
    sequential_srm,
    srm,
    srm_exact,
    srm_segments,
)
from abtesting.statistics.heterogeneity import (
    effect_projection,
    policy_value,
    segments,
    targeting_checks,
    treatment_effects,
)
from abtesting.statistics.margins import equivalence, noninferiority
from abtesting.statistics.means import (
    Estimate,
    compare_estimates,
    compare_means,
    compare_means_pooled,
)
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.planning import (
    assurance,
    design_effects,
    duration,
    mid_experiment,
    power_best,
    power_betting,
    power_equivalence,
    power_families,
    power_means,
    power_noninferiority,
    power_past,
    power_proportions,
    power_ranks,
    power_srm,
    sequential_power,
)
from abtesting.statistics.planning.power import Design
from abtesting.statistics.programme import (
    best_of_several,
    meta_analysis,
    shrinkage,
    winners_curse,
)
from abtesting.statistics.proportions import compare_proportions, compare_proportions_by_score
from abtesting.statistics.rates import (
    exact,
    exact_tests,
    proportion_intervals,
    proportion_margins,
    proportion_tests,
)
from abtesting.statistics.ratios import compare_ratios
from abtesting.statistics.robust import bootstrap, clusters, outliers, quantiles, ranks
from abtesting.statistics.sequential import (
    betting,
    confidence_sequences,
    crossing,
    e_values,
    information,
    mixtures,
    msprt,
    sequential_designs,
    spending,
    stagewise,
)
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.simulation import (
    bandit_simulation,
    generators,
    past_units,
    replays,
)
from abtesting.statistics.time import novelty, switchback, switchback_intervals
from abtesting.statistics.types import Interval, NotEnoughData

RNG = np.random.default_rng(5)
FIXED = FixedHorizon(0.05)
REASON = NotEnoughData(code="too_few_units", detail="control has 1 unit")

RATE_C, RATE_T = (Counts(num_units=400, num_successes=x) for x in (30, 45))
X = RNG.normal(10, 2, 60)
Y = RNG.normal(11, 2, 50)
MEAN_C, MEAN_T = Moments.from_array(X), Moments.from_array(Y)
RATIO_C, RATIO_T = (
    Moments.from_array(np.column_stack([v, 2 + RNG.poisson(3, len(v))])) for v in (X, Y)
)
PRE_C, PRE_T = (
    Moments.from_array(np.column_stack([v, v + RNG.normal(size=len(v))])) for v in (X, Y)
)
RATIO_PRE_C, RATIO_PRE_T = (
    Moments.from_array(
        np.column_stack([v, 2 + RNG.poisson(3, len(v)), v + RNG.normal(size=len(v)), 2 + v / 9])
    )
    for v in (X, Y)
)
DAYS_C, DAYS_T = (Moments.from_array(RNG.normal(m, 1, (300, 14))) for m in (1.0, 1.2))
STRATA = [(MEAN_C, MEAN_T), (MEAN_T, MEAN_C)]
EFFECT = compare_means(MEAN_C, MEAN_T, boundary=FIXED)
EST_C, EST_T = (Estimate(value=v, variance=0.01, num_units=500) for v in (2.0, 2.4))
DESIGN = sequential_designs.spending_design(sequential_designs.equal_looks(4), alpha=0.05)
ONE_SIDED = sequential_designs.spending_design((0.5, 1.0), alpha=0.025, side="greater")
BATCHES = [
    adaptive_batches.AdaptiveBatch(
        arms=(Counts(num_units=a, num_successes=x), Counts(num_units=b, num_successes=y)),
        propensities=(0.5, 0.5),
    )
    for a, x, b, y in ((50, 5, 48, 9), (60, 7, 55, 9), (40, 4, 44, 6), (52, 5, 50, 8))
]
POSTERIORS = [bandit_posteriors.NormalPosterior(mean=m, standard_deviation=1.0) for m in (0.0, 1.0)]
REWARDS = linear_thompson.LinearRewards.from_batch(
    np.column_stack([np.ones(60), X]).tolist(), (X + RNG.normal(size=60)).tolist()
)
LINEAR = linear_thompson.linear_posterior(REWARDS, prior_variance=1.0)
NUM_LOGGED = 600
LOG = off_policy.log_decisions(
    RNG.integers(0, 2, NUM_LOGGED),
    RNG.uniform(0, 1, NUM_LOGGED),
    propensities=np.full((NUM_LOGGED, 2), 0.5),
    target=np.tile([0.2, 0.8], (NUM_LOGGED, 1)),
)
PREDICTIONS = RNG.uniform(0, 1, (NUM_LOGGED, 2))
SCORES = RNG.normal(0.3, 1.0, 600)
TABLE = RNG.normal(0.3, 1.0, (600, 2))
FEATURES = RNG.normal(size=(300, 2))
ARMS = RNG.integers(0, 2, 300)
OUTCOMES = FEATURES[:, 0] + ARMS + RNG.normal(size=300)
SWITCHBACK = switchback.regular_design(24, block_length=2)
SCHEDULE = np.repeat([0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0], 2)
PERIODS = RNG.normal(size=24) + SCHEDULE
PATHS = [generators.Conversions(0.05).paths([500, 1000], num_runs=3, rng=RNG) for _arm in range(2)]
SUMMARIES = [quantiles.QuantileSummary.from_values(RNG.exponential(1, 400), quantile=0.9)] * 2
CLUSTERS = [
    clusters.ClusterTotals(sizes=[5, 5, 4, 6], totals=[t, 33.0, 18.0, 20.0]) for t in (2, 9)
]
ARM_ARRAYS = ArmArrays(n=np.array([50.0]), mean=np.array([2.0]), variance=np.array([1.0]))
RATIO_ARRAYS = dataclasses.replace(
    ARM_ARRAYS,
    denominator_mean=np.array([3.0]),
    denominator_variance=np.array([1.0]),
    covariance=np.array([0.1]),
)
MEMBERS = [
    roles.FamilyMember(metric="orders", variant="b", role="goal", p_value=0.01),
    roles.FamilyMember(metric="speed", variant="b", role="guardrail", p_value=0.01),
]
GRAPH = gatekeeping.role_graph(["goal", "goal", "secondary"])
PAST = {
    "effects": [0.08, 0.01, -0.02, 0.03, 0.0],
    "standard_errors": [0.02, 0.01, 0.02, 0.01, 0.01],
}


def plan_of(num_units):
    return power_proportions.plan_proportions(control_rate=0.1, num_units=num_units, power=0.8)


def plan_of_power(alpha, power):
    design = Design(alpha=alpha)
    return power_means.plan_means(variance=4.0, effect=0.1, power=power, design=design)


FOUR_ARMS = power_proportions.plan_proportions(
    control_rate=0.1, lift=0.1, power=0.8, design=Design(shares=(0.25,) * 4)
)
UNIFORM_C, UNIFORM_T = RNG.uniform(0, 0.8, 60), RNG.uniform(0.2, 1, 60)

RATES = {"control": RATE_C, "variant": RATE_T}
MEANS = {"control": MEAN_C, "variant": MEAN_T, "boundary": FIXED}
SAMPLES = {"control": X, "variant": Y, "boundary": FIXED}
ESTIMATES = {"control": EST_C, "variant": EST_T}

CALLS = [
    (moments_by_group, {"values": X, "groups": np.arange(60) % 3}),
    (Moments.from_array, {"values": X}),
    (compare_proportions, dict(RATES, boundary=FIXED)),
    (compare_proportions_by_score, dict(RATES, boundary=FIXED)),
    (exact.compare_proportions_exact, dict(RATES, alpha=0.05)),
    (proportion_intervals.rate_interval, {"counts": RATE_C, "alpha": 0.05}),
    (proportion_intervals.rate_difference_interval, dict(RATES, alpha=0.05)),
    (proportion_intervals.rate_ratio_interval, dict(RATES, alpha=0.05)),
    (proportion_tests.pooled_z_test, RATES),
    (proportion_tests.wald_z_test, RATES),
    (proportion_tests.score_test, RATES),
    (exact_tests.fisher_test, RATES),
    (exact_tests.barnard_test, RATES),
    (exact_tests.boschloo_test, RATES),
    (
        proportion_margins.compare_noninferiority_of_proportions,
        dict(RATES, margin=0.02, boundary=FIXED),
    ),
    (compare_means, MEANS),
    (compare_means_pooled, MEANS),
    (compare_estimates, dict(ESTIMATES, boundary=FIXED, method="own")),
    (compare_ratios, {"control": RATIO_C, "variant": RATIO_T, "boundary": FIXED}),
    (compare_means_batch, {"control": ARM_ARRAYS, "variant": ARM_ARRAYS, "boundary": FIXED}),
    (compare_ratios_batch, {"control": RATIO_ARRAYS, "variant": RATIO_ARRAYS, "boundary": FIXED}),
    (
        compare_proportions_batch,
        {
            "control_successes": [30, 2],
            "control_units": [400, 300],
            "variant_successes": [40, 3],
            "variant_units": [400, 300],
            "boundary": FIXED,
        },
    ),
    (bootstrap.bootstrap_means, {"control": X, "variant": Y, "rng": RNG, "num_resamples": 99}),
    (outliers.pooled_cap, {"arms": [X, Y], "quantile": 0.9}),
    (outliers.compare_capped, dict(SAMPLES, quantile=0.9)),
    (outliers.cap_sensitivity, dict(SAMPLES, quantiles=[0.9, 0.95])),
    (outliers.winsorise_top, {"values": X, "share": 0.05}),
    (outliers.compare_winsorised, dict(SAMPLES, share=0.05)),
    (outliers.compare_trimmed, dict(SAMPLES, share=0.1)),
    (ranks.compare_ranks, SAMPLES),
    (ranks.mann_whitney, {"control": X, "variant": Y}),
    (quantiles.QuantileSummary.from_values, {"values": X, "quantile": 0.5}),
    (quantiles.quantile_interval, {"values": X, "quantile": 0.5, "alpha": 0.05}),
    (
        quantiles.compare_quantiles,
        {"control": SUMMARIES[0], "variant": SUMMARIES[1], "boundary": FIXED},
    ),
    (quantiles.quantile_regression_effect, {"control": X, "variant": Y, "quantile": 0.5}),
    (clusters.ClusterTotals.from_values, {"values": X, "clusters": np.arange(60) % 9}),
    (
        clusters.compare_clusters,
        {"control": CLUSTERS[0], "variant": CLUSTERS[1], "boundary": FIXED},
    ),
    (
        clusters.wild_cluster_bootstrap,
        {"control": CLUSTERS[0], "variant": CLUSTERS[1], "num_draws": 99, "rng": RNG},
    ),
    (noninferiority.compare_noninferiority, dict(MEANS, margin=0.5)),
    (
        noninferiority.noninferiority_of_estimates,
        dict(ESTIMATES, margin=0.5, boundary=FIXED, method="own"),
    ),
    (equivalence.compare_equivalence, dict(MEANS, margin=0.5)),
    (
        equivalence.equivalence_of_estimates,
        dict(ESTIMATES, margin=0.5, boundary=FIXED, method="own"),
    ),
    (cuped.compare_cuped_means, {"control": PRE_C, "variant": PRE_T, "boundary": FIXED}),
    (
        cuped.compare_cuped_ratios,
        {"control": RATIO_PRE_C, "variant": RATIO_PRE_T, "boundary": FIXED},
    ),
    (regression.compare_adjusted_means, {"control": PRE_C, "variant": PRE_T, "boundary": FIXED}),
    (
        regression.compare_adjusted_ratios,
        {"control": RATIO_PRE_C, "variant": RATIO_PRE_T, "boundary": FIXED},
    ),
    (
        robust_regression.lin_effect,
        {"outcome": OUTCOMES, "treated": ARMS, "covariates": FEATURES, "boundary": FIXED},
    ),
    (
        robust_regression.ancova_effect,
        {"outcome": OUTCOMES, "treated": ARMS, "covariates": FEATURES, "boundary": FIXED},
    ),
    (stratification.compare_stratified_means, {"strata": STRATA, "boundary": FIXED}),
    (
        stratification.compare_stratified_ratios,
        {"strata": [(RATIO_C, RATIO_T), (RATIO_T, RATIO_C)], "boundary": FIXED},
    ),
    (stratification.merge_thin_strata, {"strata": STRATA}),
    (crossfit.cross_fit, {"features": FEATURES, "outcomes": OUTCOMES, "rng": RNG}),
    (crossfit.assign_folds, {"num_rows": 60, "rng": RNG}),
    (covariates.with_missing_indicator, {"values": X}),
    (
        covariates.linearised_covariate,
        {"control": RATIO_PRE_C, "variant": RATIO_PRE_T, "numerator": 2, "denominator": 3},
    ),
    (
        anytime_regression.anytime_regression,
        {"control": PRE_C, "variant": PRE_T, "alpha": 0.05},
    ),
    (
        anytime_regression.anytime_ols,
        {
            "outcome": OUTCOMES,
            "design": np.column_stack([np.ones(300), ARMS]),
            "column": 1,
            "alpha": 0.05,
        },
    ),
    (
        anytime_regression.anytime_coefficient,
        {"estimate": 0.3, "standard_error": 0.1, "information": 100.0, "df": 98.0, "alpha": 0.05},
    ),
    (anytime_regression.phi_for_plan, {"num_control": 500, "num_variant": 500, "alpha": 0.05}),
    (AlwaysValid, {"alpha": 0.05, "planned_num_units": 10_000}),
    (FixedHorizon, {"alpha": 0.05}),
    (GroupSequentialLook, {"alpha": 0.05, "information": (0.25, 0.5)}),
    (sequential_designs.equal_looks, {"num_looks": 4}),
    (sequential_designs.spending_design, {"information": (0.5, 1.0), "alpha": 0.05}),
    (
        sequential_designs.wang_tsiatis_design,
        {"information": (0.5, 1.0), "alpha": 0.05, "delta": 0.5},
    ),
    (sequential_designs.with_futility, {"design": ONE_SIDED, "power": 0.8}),
    (
        crossing.crossing_probabilities,
        {"information": (0.5, 1.0), "lower": (-2.5, -2.0), "upper": (2.5, 2.0)},
    ),
    (crossing.any_look_error, {"critical_values": 1.96, "information": (0.5, 1.0)}),
    (spending.spent, {"spending": spending.Pocock(), "level": 0.025, "information": 0.5}),
    (stagewise.stagewise_inference, {"estimate": 0.1, "standard_error": 0.03, "design": DESIGN}),
    (
        betting.betting_mean,
        {"values": RNG.uniform(size=60), "bounds": Interval(0.0, 1.0), "alpha": 0.05},
    ),
    (
        betting.betting_difference,
        {
            "control": RNG.uniform(size=60),
            "variant": RNG.uniform(size=60),
            "bounds": Interval(0.0, 1.0),
            "alpha": 0.05,
        },
    ),
    (
        confidence_sequences.bernoulli_sequence,
        {"successes": 12, "num_units": 100, "alpha": 0.05, "planned_num_units": 500},
    ),
    (
        confidence_sequences.quantile_sequence,
        {"control": X, "variant": Y, "quantile": 0.5, "alpha": 0.05, "planned_num_units": 100},
    ),
    (
        confidence_sequences.running_intersection,
        {"intervals": [Interval(0.0, 2.0), Interval(1.0, 3.0)]},
    ),
    (
        mixtures.uniform_boundary,
        {"mixture": mixtures.NormalMixture(500.0), "variance": 100.0, "alpha": 0.05},
    ),
    (mixtures.polynomial_stitching, {"variance": 100.0, "alpha": 0.05, "min_variance": 10.0}),
    (mixtures.best_rho, {"variance": 100.0, "alpha": 0.05}),
    (e_values.log_e_value, {"z": 2.0, "num_units": 900, "boundary": AlwaysValid(0.05, 1000)}),
    (e_values.multiply_e_values, {"e_values": [2.0, 3.0]}),
    (e_values.average_e_values, {"e_values": [2.0, 3.0], "weights": [0.5, 0.5]}),
    (e_values.e_to_p, {"e_value": 3.0}),
    (e_values.running_p_values, {"e_values": [2.0, 3.0]}),
    (msprt.msprt, {"estimate": 0.1, "standard_error": 0.04, "tau": 0.05, "alpha": 0.05}),
    (
        msprt.msprt_normal,
        {
            "control_mean": 1.0,
            "variant_mean": 1.1,
            "num_units_per_arm": 300,
            "standard_deviation": 1.0,
            "tau": 0.1,
            "alpha": 0.05,
        },
    ),
    (
        msprt.msprt_bernoulli,
        {
            "control_successes": 21,
            "variant_successes": 61,
            "num_units_per_arm": 300,
            "tau": 0.05,
            "alpha": 0.05,
        },
    ),
    (information.look_correlation, {"arms": [(X[:40], X[:40] + 1, X)]}),
    (information.information_of, {"correlations": [0.5, 0.9]}),
    (srm.srm_test, {"observed": [500, 520, 480], "weights": [1, 1, 1]}),
    (srm_exact.binomial_p_value, {"count": 7, "num_units": 10, "share": 0.5}),
    (srm_exact.multinomial_p_value, {"counts": [8, 1, 1], "shares": [0.5, 0.3, 0.2]}),
    (
        sequential_srm.sequential_srm_test,
        {"looks": [sequential_srm.SrmLook(counts=[50, 60], weights=[1, 1])]},
    ),
    (
        srm_segments.locate_srm,
        {"dimensions": {"browser": {"a": [50, 60], "b": [70, 60]}}, "weights": [1, 1]},
    ),
    (exposures.check_exposures, {"num_units": {("a",): 500, ("b",): 400, ("a", "b"): 9}}),
    (
        balance.check_balance,
        {"control": PRE_C, "variant": PRE_T, "names": ["orders", "visits"], "boundary": FIXED},
    ),
    (multiplicity.adjust, {"p_values": [0.01, 0.04]}),
    (multiplicity.q_values, {"p_values": [0.01, 0.04]}),
    (multiplicity.estimate_null_share, {"p_values": [0.01, 0.04]}),
    (multiplicity.e_bh, {"log_e_values": [3.0, 1.0], "alpha": 0.05}),
    (dunnett.dunnett_test, {"control": MEAN_C, "variants": [MEAN_T, MEAN_C]}),
    (
        dunnett.many_to_one,
        {"differences": [0.5, 0.2], "standard_errors": [0.2, 0.2], "control_variance": 0.02},
    ),
    (dunnett.critical_value, {"loadings": [0.7, 0.7], "df": None, "alpha": 0.05}),
    (gatekeeping.graphical_test, {"p_values": [0.01, 0.02, 0.03], "graph": GRAPH}),
    (gatekeeping.role_graph, {"roles": ["goal", "secondary"]}),
    (roles.judge_family, {"members": MEMBERS}),
    (guardrails.check_guardrails, {"p_values": [0.01, 0.02]}),
    (guardrails.decide_to_ship, {"goal_p_values": [0.01], "guardrail_p_values": [0.02]}),
    (guardrails.required_per_metric, {"num_goals": 1, "num_guardrails": 2}),
    (
        simultaneous.simultaneous_intervals,
        {"estimates": [0.5, 0.1], "standard_errors": [0.1, 0.1]},
    ),
    (bayes.bayesian_difference, {"effect": EFFECT}),
    (bayes.bayesian_estimate, {"estimate": 0.1, "standard_error": 0.05}),
    (bayes_lift.bayesian_lift, ESTIMATES),
    (bayes_conjugate.beta_binomial, RATES),
    (
        bayes_conjugate.gamma_poisson,
        {
            "control": Moments.from_array(RNG.poisson(2, 90)),
            "variant": Moments.from_array(RNG.poisson(3, 90)),
        },
    ),
    (bayes_best.best_rate, {"variants": [RATE_C, RATE_T]}),
    (
        bayes_best.best_count,
        {"variants": [Moments.from_array(RNG.poisson(2, 90)) for _arm in range(2)]},
    ),
    (bayes_best.best_mean, {"variants": [EST_C, EST_T]}),
    (bayes_peeking.any_peek_error, {"threshold": 0.95, "num_looks": 3}),
    (
        bayes_peeking.peek_outcome,
        {"threshold": 0.95, "num_looks": 3, "effect": 0.02, "final_standard_error": 0.01},
    ),
    (priors.fit_normal_prior, PAST),
    (priors.fit_beta_prior, {"rates": [RATE_C, RATE_T, RATE_C]}),
    (
        priors.fit_gamma_prior,
        {"counts": [Moments.from_array(RNG.poisson(2, 90)) for _test in range(3)]},
    ),
    (power_proportions.plan_proportions, {"control_rate": 0.05, "lift": 0.1, "power": 0.8}),
    (power_means.plan_means, {"variance": 4.0, "effect": 0.1, "power": 0.8}),
    (power_means.plan_ratios, {"moments": RATIO_C, "lift": 0.1, "power": 0.8}),
    (
        power_noninferiority.plan_noninferiority_means,
        {"variance": 4.0, "margin": 0.1, "power": 0.8},
    ),
    (
        power_noninferiority.plan_noninferiority_proportions,
        {"control_rate": 0.1, "margin": 0.01, "power": 0.8},
    ),
    (
        power_equivalence.plan_equivalence_means,
        {"variance": 4.0, "margin": 0.1, "power": 0.8},
    ),
    (
        power_equivalence.plan_equivalence_proportions,
        {"control_rate": 0.1, "margin": 0.01, "power": 0.8},
    ),
    (power_ranks.plan_ranks, {"probability": 0.55, "power": 0.8}),
    (power_ranks.tie_factor, {"values": X}),
    (
        power_past.plan_from_past,
        {"past": EFFECT, "past_num_units": (60, 50), "lift": 0.05, "power": 0.8},
    ),
    (power_past.plan_quantiles, {"past": SUMMARIES[0], "lift": 0.1, "power": 0.8}),
    (power_families.plan_many_arms, {"plan": FOUR_ARMS}),
    (
        power_families.plan_decision,
        {"goals": [plan_of_power], "guardrails": [plan_of_power], "power": 0.8},
    ),
    (power_best.plan_best_variant, {"num_variants": 4, "variance": 1.0, "lead": 0.1, "power": 0.9}),
    (power_srm.plan_srm, {"lost": 0.04, "power": 0.8}),
    (
        power_betting.plan_betting,
        {
            "control": UNIFORM_C,
            "variant": UNIFORM_T,
            "bounds": Interval(0.0, 1.0),
            "rng": RNG,
            "num_units": 400,
            "num_runs": 20,
        },
    ),
    (
        assurance.plan_assurance,
        {"prior": priors.NormalPrior(0.1, 0.1), "variance": 1.0, "num_units": 5000},
    ),
    (
        mid_experiment.conditional_power,
        {"design": DESIGN, "num_looks": 2, "z": 1.0, "drift": 2.8},
    ),
    (mid_experiment.predictive_power, {"design": DESIGN, "num_looks": 2, "z": 1.0}),
    (
        mid_experiment.mid_experiment_power,
        {"effect": 0.1, "standard_error": 0.05, "num_units": 5000, "boundary": FIXED},
    ),
    (design_effects.cuped_factor, {"correlation": 0.5}),
    (design_effects.cluster_design_effect, {"mean_size": 21.0, "correlation": 0.05}),
    (design_effects.measured_design_effect, {"clusters": RATIO_C, "unit_variance": 1.0}),
    (
        duration.duration,
        {"traffic": duration.Traffic.at_rate(1000.0), "num_units": 15_000},
    ),
    (
        duration.detectable_by_duration,
        {"traffic": duration.Traffic.at_rate(1000.0), "plan_of": plan_of},
    ),
    (
        sequential_power.always_valid_design,
        {"information": (0.5, 1.0), "alpha": 0.05},
    ),
    (
        sequential_power.sequential_power,
        {"design": DESIGN, "effect": 0.03, "standard_error": 0.01},
    ),
    (
        sequential_power.plan_sequential,
        {"design": DESIGN, "power": 0.8, "fixed_num_units": 30_000},
    ),
    (
        sequential_power.detectable_effect,
        {"design": DESIGN, "power": 0.8, "standard_error": 0.01},
    ),
    (shrinkage.shrink_effects, PAST),
    (winners_curse.conditional_effect, {"estimate": 0.1, "standard_error": 0.03, "critical": 1.96}),
    (winners_curse.effect_of_winner, {"effect": EFFECT}),
    (winners_curse.programme_total, dict(PAST, thresholds=[0.02] * 5)),
    (
        best_of_several.effect_of_best,
        {"estimates": [0.01, 0.06], "standard_errors": [0.02, 0.02]},
    ),
    (meta_analysis.combine_tests, PAST),
    (bandits.probability_best, {"posteriors": POSTERIORS}),
    (bandits.thompson_shares, {"posteriors": POSTERIORS}),
    (bandits.top_two_shares, {"posteriors": POSTERIORS}),
    (bandits.with_floor, {"weights": [0.2, 0.8], "floor": 0.1}),
    (
        bandit_posteriors.normal_posterior,
        {"moments": MEAN_C, "prior_mean": 0.0, "prior_variance": 10.0},
    ),
    (linear_thompson.linear_posterior, {"rewards": REWARDS, "prior_variance": 1.0}),
    (
        linear_thompson.contextual_shares,
        {"posteriors": [LINEAR, LINEAR], "context": [1.0, 2.0]},
    ),
    (adaptive_batches.adaptive_means, {"batches": BATCHES}),
    (
        adaptive_batches.adaptively_weighted_mean,
        {"scores": SCORES, "propensities": np.full(600, 0.5)},
    ),
    (adaptive_inference.compare_batches, {"batches": BATCHES, "boundary": FIXED}),
    (adaptive_inference.compare_weighted_scores, {"batches": BATCHES, "boundary": FIXED}),
    (
        doubly_robust.arm_scores,
        {"outcomes": [3.0, 5.0], "arms": [0, 1], "propensities": [0.5, 0.5]},
    ),
    (doubly_robust.mean_of_scores, {"scores": SCORES}),
    (
        off_policy.log_decisions,
        {
            "actions": [0, 1],
            "rewards": [0.5, 1.0],
            "propensities": [[0.5, 0.5], [0.5, 0.5]],
            "target": [[0.2, 0.8], [0.2, 0.8]],
        },
    ),
    (off_policy.inverse_propensity, {"log": LOG}),
    (off_policy.self_normalised, {"log": LOG}),
    (off_policy.direct_method, {"log": LOG, "predictions": PREDICTIONS}),
    (off_policy.doubly_robust, {"log": LOG, "predictions": PREDICTIONS}),
    (off_policy.switch_estimator, {"log": LOG, "predictions": PREDICTIONS, "max_weight": 1.5}),
    (off_policy.diagnose_weights, {"weights": [1.0, 0.5, 2.0]}),
    (off_policy_sequences.bounded_value_sequence, {"log": LOG, "planned_num_units": 1000}),
    (
        off_policy_sequences.asymptotic_value_sequence,
        {"scores": SCORES, "planned_num_units": 1000},
    ),
    (
        segments.analyse_segments,
        {"effects": {"new": EFFECT, "old": compare_means(MEAN_T, MEAN_C, boundary=FIXED)}},
    ),
    (
        treatment_effects.learn_effects,
        {"features": FEATURES, "arms": ARMS, "outcomes": OUTCOMES, "propensities": 0.5, "rng": RNG},
    ),
    (targeting_checks.best_linear_predictor, {"scores": SCORES, "predictions": TABLE[:, 0]}),
    (targeting_checks.group_effects, {"scores": SCORES, "predictions": TABLE[:, 0]}),
    (targeting_checks.rank_weighted_effect, {"scores": SCORES, "predictions": TABLE[:, 0]}),
    (effect_projection.project_effects, {"scores": SCORES, "features": TABLE}),
    (policy_value.policy_value, {"scores": TABLE, "treat": TABLE[:, 0] > 0}),
    (
        policy_value.compare_policies,
        {"scores": TABLE, "candidate": [0.0, 1.0], "reference": [0.5, 0.5]},
    ),
    (novelty.analyse_novelty, {"control": DAYS_C, "variant": DAYS_T}),
    (switchback.regular_design, {"num_periods": 24, "block_length": 2}),
    (switchback.minimax_design, {"num_periods": 20, "carryover": 3}),
    (
        switchback.randomisation_test,
        {
            "design": SWITCHBACK,
            "outcomes": PERIODS,
            "schedule": SCHEDULE,
            "rng": RNG,
            "num_draws": 99,
        },
    ),
    (
        switchback_intervals.horvitz_thompson,
        {"design": SWITCHBACK, "outcomes": PERIODS, "schedule": SCHEDULE},
    ),
    (switchback_intervals.newey_west, {"outcomes": PERIODS, "schedule": SCHEDULE}),
    (generators.resplit, {"values": X, "looks": [20, 40], "share": 0.5, "num_runs": 3, "rng": RNG}),
    (
        past_units.split_again,
        {"samples": [X, Y], "looks": [20, 40], "shares": [0.5, 0.5], "num_runs": 3, "rng": RNG},
    ),
    (
        replays.shown,
        {
            "control": PATHS[0],
            "variant": PATHS[1],
            "kind": "proportion",
            "boundaries": [FIXED, FIXED],
        },
    ),
    (
        bandit_simulation.simulate_bandit,
        {
            "generator": generators.Conversions(0.05),
            "lifts": [0.0, 0.1],
            "batches": [500, 500],
            "num_runs": 3,
            "rng": RNG,
        },
    ),
    (bandit_simulation.equal_batches, {"num_units": 10, "num_batches": 4}),
]


def is_numbers(value):
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "if"
    return isinstance(value, list | tuple) and all(
        isinstance(item, int | float | list) for item in value
    )


def with_last(value, item):
    rows = np.asarray(value).tolist()
    last = rows[-1]
    rows[-1] = [*last[:-1], item] if isinstance(last, list) else item
    return rows


def wrong_kinds(value):
    """What is not an argument of this kind at all."""
    if isinstance(value, Moments):
        return [RATE_C, X, 3.0, REASON, None]
    if isinstance(value, Counts):
        return [MEAN_C, (400, 30), REASON, None]
    if hasattr(value, "min_units_per_arm"):
        return [0.05, FixedHorizon, "fixed_horizon", REASON, None]
    if isinstance(value, np.random.Generator):
        return [1, np.random, REASON, None]
    if isinstance(value, bool | str | None):
        return []
    if isinstance(value, int | float):
        return [math.nan, "x", REASON]
    if is_numbers(value):
        return ["abc", REASON, with_last(value, math.nan), with_last(value, "x")]
    if isinstance(value, np.ndarray):
        return ["abc", REASON]
    if isinstance(value, dict):
        return [REASON, 3.0]
    if isinstance(value, list | tuple):
        return [[REASON], [*value, 0.05], REASON, 3.0]
    return [REASON, 0.05, "x", None]


def useless(value):
    """What is of the right kind and says too little, or too much."""
    if isinstance(value, Moments):
        k = len(value.means)
        return [
            Moments.zero(k),
            Moments.zero(k + 1),
            Moments.constant(1, [1.0] * k),
            Moments.constant(50, [0.0] * k),
            Moments.constant(50, [1e150] * k),
        ]
    if isinstance(value, Counts):
        return [Counts(num_units=n, num_successes=x) for n, x in ((0, 0), (1, 0), (9, 0), (9, 9))]
    if isinstance(value, Estimate):
        return [dataclasses.replace(value, variance=0.0), dataclasses.replace(value, value=0.0)]
    if isinstance(value, bool | str):
        return []
    if isinstance(value, int | float):
        return [0, -1, math.inf, -math.inf]
    if is_numbers(value):
        return [
            value[:0],
            value[:1],
            value[:-1],
            with_last(value, math.inf),
            with_last(value, -1),
            [np.asarray(value)[0].tolist()] * len(value),
            [value],
        ]
    if isinstance(value, dict):
        return [{}, dict(list(value.items())[:1])]
    if isinstance(value, list | tuple):
        return [value[:0], value[:1], [*value, *value]]
    return []


FREE = {
    # Any text is a name, clusters and groups are any labels, and NaN is a missing value here.
    ("compare_estimates", "method"),
    ("noninferiority_of_estimates", "method"),
    ("equivalence_of_estimates", "method"),
    ("ClusterTotals.from_values", "clusters"),
    ("with_missing_indicator", "values"),
}


def attempts(make):
    return [
        pytest.param(function, good, name, make(valid), id=f"{function.__qualname__}-{name}")
        for function, good in CALLS
        for name, valid in good.items()
        if make is useless or (function.__qualname__, name) not in FREE
    ]


def numbers_of(result):
    if isinstance(result, float | np.ndarray):
        yield result
    elif dataclasses.is_dataclass(result):
        for field in dataclasses.fields(result):
            yield from numbers_of(getattr(result, field.name))
    elif isinstance(result, list | tuple):
        for item in result:
            yield from numbers_of(item)


def assert_it_means_something(result):
    for number in numbers_of(result):
        assert (
            number.dtype.kind != "f" or not np.isnan(number).any()
            if isinstance(number, np.ndarray)
            else not math.isnan(number)
        )
    interval = getattr(result, "difference_interval", getattr(result, "interval", None))
    if hasattr(result, "p_value") and isinstance(interval, Interval):
        assert interval.lower < interval.upper


def test_every_function_that_the_page_names_is_called_here():
    page = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
    called = {function.__qualname__ for function, _ in CALLS}
    for module, names in re.findall(r"\| `(abtesting\.[\w.]+)` \| (.*?) \|", page):
        for name in re.findall(r"`(\w+)`", names):
            thing = getattr(importlib.import_module(module), name)
            # The two read the array that `shown` gives.
            if inspect.isfunction(thing) and name not in {"first_shown", "shown_by_look"}:
                assert name in called, name


def is_optional(function, name):
    return "None" in str(inspect.signature(function).parameters[name].annotation)


def result_or_error(function, arguments):
    try:
        return function(**arguments)
    except ValueError as error:
        return error


HELPFUL = "must|need|;"
"""What is allowed, as every message of the engine says it and none of numpy's does."""


@pytest.mark.parametrize(("function", "good"), CALLS, ids=[call[0].__qualname__ for call in CALLS])
def test_the_good_calls_are_good(function, good):
    result = function(**good)
    assert not isinstance(result, NotEnoughData)
    assert_it_means_something(result)


@pytest.mark.parametrize(("function", "good", "name", "values"), attempts(wrong_kinds))
def test_a_wrong_kind_of_argument_is_a_sentence(function, good, name, values):
    for wrong in values:
        if wrong is None and is_optional(function, name):
            continue
        with pytest.raises(ValueError, match=HELPFUL):
            function(**good | {name: wrong})


@pytest.mark.parametrize(("function", "good", "name", "values"), attempts(useless))
def test_useless_data_are_refused_or_give_a_result_that_means_something(
    function, good, name, values
):
    for poor in values:
        result = result_or_error(function, good | {name: poor})
        if isinstance(result, ValueError):
            assert re.search(HELPFUL, str(result)), result
        else:
            assert_it_means_something(result)
