"""Graphical gatekeeping: alpha starts at the goals and flows to what comes after them.

A graph gives each hypothesis a share of alpha, and says to which others that share goes when it is
rejected. Holm's method, fixed sequences and gatekeepers are such graphs. The error rate of all
hypotheses together is alpha, whatever their dependence. `role_graph` builds the graph of an
experiment from the roles of its metrics; `graphical_test` runs any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abtesting.statistics.arguments import (
    require_alpha,
    require_list,
    require_p_values,
    require_type,
)

Role = Literal["goal", "secondary"]

ROUNDING = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Shares of alpha and where they go.

    Attributes:
        weights: Share of alpha that each hypothesis starts with; their sum is at most 1.
        transitions: `transitions[i][j]` is the part of the share of i that goes to j when i is
            rejected; the sum of a row is at most 1, and none goes to itself.
    """

    weights: tuple[float, ...]
    transitions: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        m = len(self.weights)
        if m == 0 or [len(row) for row in self.transitions] != [m] * m:
            raise ValueError(
                f"there are {m} weights and rows of {[len(row) for row in self.transitions]} "
                "transitions; there must be at least 1 weight and as many rows of as many"
            )
        _require_shares("weights", self.weights)
        for i, row in enumerate(self.transitions):
            _require_shares(f"transitions[{i}]", row)
            if row[i]:
                raise ValueError(f"transitions[{i}][{i}] is {row[i]!r}; it must be 0")

    def without(self, i: int) -> Graph:
        """Return the graph after the rejection of i, whose own weight and edges are then 0."""
        weights, edges = _without(np.array(self.weights), np.array(self.transitions), i)
        return Graph(weights=tuple(weights.tolist()), transitions=tuple(map(tuple, edges.tolist())))


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphicalResult:
    """Decisions of a graphical procedure, in input order.

    Attributes:
        p_values: As given.
        adjusted_p_values: Least alpha at which each hypothesis is rejected; 1 if at none.
        rejected: Whether each is rejected, adjusted p-value below alpha.
        order: Positions of those rejected, in the order of their rejection.
        levels: Level at which each one that is not rejected was tested last; `None` for a rejected
            one. An interval at that level holds together with the decisions.
        alpha: Chance of rejecting any true hypothesis.
        method: `graphical`.
    """

    p_values: tuple[float, ...]
    adjusted_p_values: tuple[float, ...]
    rejected: tuple[bool, ...]
    order: tuple[int, ...]
    levels: tuple[float | None, ...]
    alpha: float
    method: str = "graphical"


def graphical_test(
    p_values: Sequence[float], graph: Graph, *, alpha: float = 0.05
) -> GraphicalResult:
    """Test the hypotheses of a graph.

    Args:
        p_values: One for each hypothesis.
        graph: Where alpha starts and where it goes.
        alpha: Error rate of all hypotheses together.

    Raises:
        ValueError: If there are not as many p-values as weights, or a number is out of its range.

    References:
        Bretz, F., Maurer, W., Brannath, W. & Posch, M. (2009). A graphical approach to sequentially
        rejective multiple test procedures. Statistics in Medicine 28(4), algorithms 1 and 2.

    Examples:
        >>> edges = ((0, 0.5, 0.5), (1, 0, 0), (0, 0, 0))
        >>> graph = Graph(weights=(0.5, 0.5, 0.0), transitions=edges)
        >>> graphical_test([0.01, 0.06, 0.015], graph).rejected
        (True, False, False)
    """
    require_alpha(alpha)
    require_p_values("p_values", p_values)
    require_type("graph", graph, Graph)
    if len(p_values) != len(graph.weights):
        raise ValueError(
            f"there are {len(p_values)} p-values and {len(graph.weights)} weights; they must be "
            "equal"
        )
    values = np.array(p_values, dtype=float)
    weights, edges = np.array(graph.weights, dtype=float), np.array(graph.transitions, dtype=float)
    adjusted = np.ones(values.size)
    order: list[int] = []
    last: Floats | None = None
    largest = 0.0
    while weights.any():
        ratios = np.divide(values, weights, out=np.full(values.size, np.inf), where=weights > 0)
        first = int(ratios.argmin())
        largest = max(largest, min(1.0, float(ratios[first])))
        adjusted[first] = largest
        if largest < alpha:
            order.append(first)
        elif last is None:
            last = weights
        weights, edges = _without(weights, edges, first)
    levels = alpha * (weights if last is None else last)
    return GraphicalResult(
        p_values=tuple(p_values),
        adjusted_p_values=tuple(adjusted.tolist()),
        rejected=tuple((adjusted < alpha).tolist()),
        order=tuple(order),
        levels=tuple(
            None if value < alpha else level
            for value, level in zip(adjusted.tolist(), levels.tolist(), strict=True)
        ),
        alpha=alpha,
    )


def role_graph(
    roles: Sequence[Role], *, variants: Sequence[str] | None = None, to_secondary: float = 0.5
) -> Graph:
    """Build the graph of an experiment: goals share alpha, and what they win goes on.

    A goal that is rejected gives `1 - to_secondary` of its share to the other goals and the rest to
    the secondary metrics of its own variant, so that nothing secondary is claimed for a variant
    before one of its goals is. The last goal gives all. Secondary metrics of a variant share by
    Holm's method.

    Args:
        roles: Role of the metric of each hypothesis.
        variants: Variant of each hypothesis; one for all if left out.
        to_secondary: Part of a rejected goal's share that does not wait for the other goals. At 0
            secondary metrics are tested only when every goal is rejected.

    Raises:
        ValueError: If there is no goal, or a role or number is out of its range.

    Examples:
        >>> graph = role_graph(["goal", "goal", "secondary"])
        >>> graph.weights, graph.transitions[0]
        ((0.5, 0.5, 0.0), (0.0, 0.5, 0.5))
    """
    if not 0 <= to_secondary <= 1:
        raise ValueError(f"to_secondary is {to_secondary!r}; it must be from 0 to 1")
    require_list("roles", roles)
    for i, role in enumerate(roles):
        if role not in {"goal", "secondary"}:
            raise ValueError(f"roles[{i}] is {role!r}; it must be 'goal' or 'secondary'")
    owners = [""] * len(roles) if variants is None else list(variants)
    if len(owners) != len(roles):
        raise ValueError(
            f"there are {len(roles)} roles and {len(owners)} variants; they must be equal"
        )
    goals = [i for i, role in enumerate(roles) if role == "goal"]
    if not goals:
        raise ValueError("roles has no goal; alpha must start at 1 at least")
    if missing := {o for o in owners if o not in {owners[i] for i in goals}}:
        raise ValueError(f"variants {sorted(missing)!r} have no goal; alpha would never reach them")
    rows = []
    for i, role in enumerate(roles):
        secondary = [
            j for j, r in enumerate(roles) if r == "secondary" and owners[j] == owners[i] and j != i
        ]
        others = [j for j in goals if j != i] if role == "goal" else []
        part = 1.0 if not others else to_secondary if secondary else 0.0
        row = dict.fromkeys(secondary, part / len(secondary) if secondary else 0.0)
        row |= dict.fromkeys(others, (1 - part) / len(others) if others else 0.0)
        rows.append(tuple(row.get(j, 0.0) for j in range(len(roles))))
    return Graph(
        weights=tuple(1 / len(goals) if role == "goal" else 0.0 for role in roles),
        transitions=tuple(rows),
    )


def _without(weights: Floats, edges: Floats, i: int) -> tuple[Floats, Floats]:
    """Weights and edges after the rejection of i, which keeps none."""
    weights = np.minimum(weights + weights[i] * edges[i], 1.0)
    weights[i] = 0.0
    back = edges[:, i] * edges[i]  # what would come back to its giver goes to the others instead
    keeps = back < 1 - ROUNDING
    edges = (edges + np.outer(edges[:, i], edges[i])) / np.where(keeps, 1 - back, 1.0)[:, None]
    edges *= keeps[:, None]
    edges[i, :] = edges[:, i] = 0.0
    np.fill_diagonal(edges, 0.0)
    return weights, np.minimum(edges, 1.0)


def _require_shares(name: str, shares: Sequence[float]) -> None:
    for i, share in enumerate(shares):
        if not 0 <= share <= 1:
            raise ValueError(f"{name}[{i}] is {share!r}; it must be from 0 to 1")
    if math.fsum(shares) > 1 + ROUNDING:
        raise ValueError(f"{name} have the sum {math.fsum(shares)!r}; it must be at most 1")
