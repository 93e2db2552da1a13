"""Estimates and tests for experiments, as pure functions of aggregates: no Django, no settings.

This layer sits between the metrics, which hand over one aggregate per variant, and the results,
which store what is said here. It imports numpy, `scipy.special` and the standard library only, and
this package imports none of its modules by itself.

Where things are:
    moments: `Counts` and `Moments`, the mergeable aggregates that every test starts from.
    boundaries: `FixedHorizon` and `AlwaysValid`, how far an estimate has to be from zero.
    proportions: `compare_proportions`, conversion rates (Miettinen-Nurminen score).
    means: `compare_means`, amounts and counts per unit (Welch).
    ratios: `compare_ratios`, one total divided by another (delta method).
    fieller: the relative lift interval that means and ratios share.
    srm: `srm_test`, whether units arrived in the planned shares.
    types: `Effect`, `Interval` and `NotEnoughData`, what the comparisons return.

The p-value, the interval of the difference and the interval of the lift of one `Effect` come from
one statistic and one critical value, so they always agree on whether there is an effect.
"""
