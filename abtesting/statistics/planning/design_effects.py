"""What variance reduction and clusters make of the variance that an experiment is planned with.

Each function returns a factor. Their product is the `variance_factor` of a `power.Design`: below 1
fewer units are needed, above 1 more.
"""

from __future__ import annotations

from abtesting.statistics.arguments import (
    require_at_least,
    require_finite,
    require_positive,
    require_type,
)
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import estimate_ratio


def cuped_factor(correlation: float) -> float:
    """Return what a covariate makes of the variance: 1 minus its squared correlation.

    With several covariates the correlation is that of the outcome with their best prediction.

    References:
        Deng, A., Xu, Y., Kohavi, R. & Walker, T. (2013). Improving the sensitivity of online
        controlled experiments by utilizing pre-experiment data. WSDM '13, section 3.

    Examples:
        >>> round(cuped_factor(0.7), 2)
        0.51
    """
    require_finite("correlation", correlation)
    if not -1 < correlation < 1:
        raise ValueError(f"correlation is {correlation!r}; it must be between -1 and 1")
    return 1 - correlation * correlation


def cluster_design_effect(
    mean_size: float, *, correlation: float, size_variation: float = 0.0
) -> float:
    """Return what randomising clusters of units makes of the variance.

    Args:
        mean_size: Mean number of units of a cluster.
        correlation: Correlation of the outcomes of two units of a cluster.
        size_variation: Standard deviation of the sizes over their mean.

    References:
        Eldridge, S. M., Ashby, D. & Kerry, S. (2006). Sample size for cluster randomized trials:
        effect of coefficient of variation of cluster size and analysis method. International
        Journal of Epidemiology 35(5).

    Examples:
        >>> cluster_design_effect(21.0, correlation=0.05)
        2.0
    """
    require_at_least("mean_size", mean_size, 1)
    require_finite("correlation", correlation)
    require_at_least("size_variation", size_variation, 0)
    if not -1 / max(mean_size, 1.0) <= correlation <= 1:
        raise ValueError(f"correlation is {correlation!r}; it must be from 0 to 1")
    factor = 1 + ((size_variation**2 + 1) * mean_size - 1) * correlation
    if factor <= 0:
        raise ValueError(f"correlation is {correlation!r}; it leaves no variance")
    return factor


def measured_design_effect(clusters: Moments, *, unit_variance: float) -> float:
    """Return what randomising clusters made of the variance in past data.

    Args:
        clusters: Total of the metric and number of units of each past cluster.
        unit_variance: Variance of the single units.

    Examples:
        >>> clusters = Moments.from_array([[10.0, 4.0], [3.0, 5.0], [12.0, 6.0], [2.0, 3.0]])
        >>> round(measured_design_effect(clusters, unit_variance=1.2), 2)
        3.18
    """
    require_type("clusters", clusters, Moments)
    if len(clusters.means) != 2 or clusters.n < 2 or clusters.means[1] <= 0:
        raise ValueError(
            f"clusters have {len(clusters.means)} columns of {clusters.n} clusters; there must be "
            "total and number of units of at least 2"
        )
    require_positive("unit_variance", unit_variance)
    num_units = clusters.n * clusters.means[1]
    return estimate_ratio(clusters).variance * num_units / unit_variance
