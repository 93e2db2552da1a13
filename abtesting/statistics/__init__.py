"""Estimates, tests and plans for experiments, as pure functions of aggregates: no Django.

This layer sits between the metrics, which hand over one aggregate per variant, and the results,
which store what is said here. It imports numpy, `scipy.special` and the standard library only, and
no package here imports its modules by itself. docs/statistics.md names the function for a question.

What every result goes through is in this folder:
    moments, grouping: `Counts` and `Moments`, the mergeable aggregates that every test starts from.
    boundaries: `FixedHorizon` and `AlwaysValid`, how far an estimate has to be from zero;
        `sequential.group_sequential` has the third, one look of a plan.
    proportions, means, ratios: the comparisons, by score test, Welch and delta method.
    fieller: the relative lift interval that means, ratios and adjusted estimates share.
    skewness: when values are too skewed for a mean, which gets a warning or has to wait.
    batch, batch_proportions, boundary_arrays: the same for thousands of comparisons at once.
    arguments: checks of what is passed in, which end in a sentence.
    types: `Effect`, `Interval`, `NotEnoughData` and `EffectArrays`, what the comparisons return.
    roots, stirling, student: numerics that several modules share.

And by topic:
    rates: exact tests, and tests and intervals of proportions by name.
    robust: caps, trimmed means, ranks, quantiles, clusters, bootstrap-t.
    margins: non-inferiority and equivalence.
    adjustment: variance reduction by regression (CUPED), strata and predictions.
    sequential: group-sequential designs, inference after a stop, confidence sequences, e-values.
    health: sample ratio mismatch, multiple exposure, balance before the test.
    families: many comparisons together, and what the roles of metrics mean for them.
    bayesian: posteriors, chances to win, expected losses, priors fitted from past tests.
    planning: units, power, detectable effects and days of every design.
    programme: shrinkage across tests, the winner's curse, meta-analysis.
    adaptive: shares of a bandit, and inference from the data it leaves.
    heterogeneity: segments, learned effects, their honesty checks, and the value of a policy.
    time: effects that wear off, and switchbacks.
    simulation: drawn and replayed traffic.

The p-value, the interval of the difference and the interval of the lift of one `Effect` come from
one statistic and one critical value, so they always agree on whether there is an effect.
"""
