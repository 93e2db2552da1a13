"""Builders of realistic snapshot payloads: one shop test in every state that a page must show."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

Payload = dict[str, Any]

# A verdict that names no comparison.
NOTHING_FOUND: Payload = {
    "variant": None,
    "metric": None,
    "lift": None,
    "lift_interval": None,
    "confidence_level": None,
    "guardrails": "none",
}
NAMES = {"control": "Control", "b": "B", "c": "Short and factual"}


def comparison(
    variant: str = "b",
    *,
    lift: float | None = 0.081,
    interval: tuple[float | None, float | None] | None = (0.024, 0.139),
    base: float = 0.1054,
    num_units: int = 2009,
    verdict: str = "better",
    p_value: float | None = 0.012,
    level: float = 0.975,
    method: str = "score",
    total: float | None = None,
    reason: dict[str, str] | None = None,
    **fields: Any,
) -> Payload:
    """One comparison whose difference and value follow from its lift."""
    value = base if lift is None else base * (1 + lift)
    ends = None if interval is None else [None if e is None else e * base for e in interval]
    return {
        "variant": variant,
        "num_units": num_units,
        "numerator": round(value * num_units) if total is None else total,
        "denominator": num_units,
        "value": value,
        "difference": None if lift is None else base * lift,
        "difference_interval": ends,
        "standard_error": None if lift is None else 0.006,
        "p_value": p_value,
        "lift": lift,
        "lift_interval": None if interval is None else list(interval),
        "confidence_level": level,
        "method": method,
        "verdict": verdict,
        "reason": reason,
        "adjusted_p_value": None,
        "warnings": [],
        "bayesian": None,
        "corrected": None,
    } | fields


def odds(chance: float, lift: float, interval: tuple[float, float], loss: float = 0.001) -> Payload:
    """The Bayesian view of a comparison."""
    return {
        "chance_to_win": chance,
        "expected_loss": loss,
        "lift": lift,
        "lift_interval": list(interval),
        "level": 0.95,
        "prior_mean": 0.0,
        "prior_sd": 0.3,
    }


def metric(
    key: str = "conversion",
    *comparisons: Payload,
    name: str = "Conversion",
    role: str = "goal",
    base: float = 0.1054,
    num_units: int = 2001,
    **fields: Any,
) -> Payload:
    """One metric; `fields` replace its attributes."""
    return {
        "key": key,
        "name": name,
        "description": "Visitors who buy within seven days of their first visit.",
        "role": role,
        "kind": "proportion",
        "direction": "increase",
        "format": "percent",
        "unit_label": "",
        "margin": None,
        "minimum_lift": None,
        "control": {
            "variant": "control",
            "num_units": num_units,
            "numerator": round(base * num_units),
            "denominator": num_units,
            "value": base,
        },
        "comparisons": list(comparisons) or [comparison(base=base)],
        "so_far": None,
    } | fields


def series(key: str, variant: str, final: float, num_days: int = 14) -> Payload:
    """A cumulative lift that settles on `final` while its interval shrinks."""
    points: list[Payload] = []
    for day in range(num_days):
        share = (day + 1) / num_days
        lift = final + 0.4 * math.cos(2.1 * day + len(variant)) * (1 - share) / (1 + day)
        half = 0.058 / math.sqrt(share)
        has_result = day > 0
        points.append(
            {
                "date": f"2026-11-{9 + day:02d}",
                "num_units": round(4010 * share),
                "lift": lift if has_result else None,
                "lift_interval": [lift - half, lift + half] if has_result else None,
            }
        )
    return {"metric": key, "variant": variant, "points": points}


def base_payload(variants: tuple[str, ...] = ("control", "b"), num_days: int = 14) -> Payload:
    """A test that has reached its plan, without metrics."""
    share = 1 / len(variants)
    return {
        "schema_version": 2,
        "computed_at": "2026-11-22T10:00:00+00:00",
        "data_until": "2026-11-22T09:59:00+00:00",
        "experiment": {
            "id": 3,
            "key": "product-headline",
            "name": "Benefit-led product headline",
            "hypothesis": "Because shoppers skim, a headline that names the benefit makes more of "
            "them buy, which we see in conversion.",
            "state": "running",
            "unit": "visitor",
            "source": "live",
            "allocation": 1.0,
            "started_at": "2026-11-09T08:00:00+00:00",
            "ended_at": None,
            "planned_num_units": 4000,
            "num_days": num_days,
        },
        "method": {
            "rule": "fixed_horizon",
            "alpha": 0.05,
            "num_comparisons": 2,
            "comparison_alpha": 0.025,
            "correction": "bonferroni",
            "minimum_units": 100,
            "tuned_num_units": 4000,
            "engine_version": "0.1.0",
            "any_peek_error": None,
        },
        "looks": None,
        "verdict": {
            "code": "ship",
            "variant": "b",
            "metric": "conversion",
            "lift": 0.081,
            "lift_interval": [0.024, 0.139],
            "confidence_level": 0.975,
            "guardrails": "ok",
            "progress": 1.0,
            "days_left": None,
            "srm_p_value": None,
        },
        "health": [
            {
                "code": "srm",
                "status": "ok",
                "p_value": 0.41,
                "leaked_units": 0,
                "reason": None,
                "method": "sequential",
                "variant": None,
            },
            {
                "code": "sample",
                "status": "ok",
                "num_units": 4010,
                "planned_num_units": 4000,
                "progress": 1.0,
                "days_left": None,
            },
            {
                "code": "freshness",
                "status": "ok",
                "last_exposure_at": "2026-11-22T09:59:00+00:00",
                "last_event_at": "2026-11-22T09:58:00+00:00",
                "lag_seconds": 60,
            },
        ],
        "variants": [
            {
                "key": key,
                "name": NAMES.get(key, key),
                "is_control": key == "control",
                "num_units": 2001 if key == "control" else 2009,
                "expected_share": share,
                "observed_share": share - 0.001 if key == "control" else share + 0.001,
            }
            for key in variants
        ],
        "metrics": [],
        "series": [],
        "exposures_by_day": [
            {
                "date": f"2026-11-{9 + day:02d}",
                "num_units": {key: 140 + (day * 37 + len(key)) % 25 for key in variants},
            }
            for day in range(num_days)
        ],
    }


def ship() -> Payload:
    """B wins on conversion, and both guardrails are safe."""
    payload = base_payload()
    payload["metrics"] = [
        metric(minimum_lift=0.05),
        metric(
            "revenue",
            comparison(
                base=5.4212,
                lift=0.046,
                interval=(-0.012, 0.107),
                verdict="no_difference_yet",
                p_value=0.12,
                method="welch",
                total=11392.5,
            ),
            name="Revenue per visitor",
            description="Value of all orders, per visitor.",
            kind="mean",
            format="money",
            unit_label="€",
            base=5.4212,
        ),
        metric(
            "returns",
            comparison(
                base=0.031, lift=-0.02, interval=(-0.061, 0.019), verdict="safe", p_value=0.31
            ),
            name="Return rate",
            description="",
            role="guardrail",
            direction="decrease",
            margin=0.05,
            base=0.031,
        ),
        metric(
            "basket",
            comparison(base=2.314, lift=0.003, interval=(-0.012, 0.018), verdict="safe"),
            name="Items per order",
            description="",
            role="guardrail",
            kind="ratio",
            format="number",
            unit_label="items",
            margin=0.03,
            base=2.314,
        ),
        metric(
            "click_rate",
            comparison(base=0.21, lift=0.11, interval=(0.04, 0.18), method="delta", p_value=2e-5),
            name="Click-through rate",
            description="",
            role="secondary",
            kind="ratio",
            base=0.21,
        ),
    ]
    payload["series"] = [series("conversion", "b", 0.081), series("revenue", "b", 0.046)]
    return payload


def keep_control() -> Payload:
    """B is clearly worse on the goal."""
    payload = ship()
    payload["metrics"][0]["comparisons"] = [
        comparison(lift=-0.064, interval=(-0.12, -0.008), verdict="worse", p_value=0.021)
    ]
    payload["verdict"] |= {
        "code": "keep_control",
        "lift": -0.064,
        "lift_interval": [-0.12, -0.008],
    }
    payload["series"] = [series("conversion", "b", -0.064)]
    return payload


def guardrail_harmed() -> Payload:
    """B wins on the goal and harms a guardrail, which decides."""
    payload = ship()
    payload["metrics"][2]["comparisons"] = [
        comparison(base=0.031, lift=0.21, interval=(0.09, 0.33), verdict="harmed", p_value=4e-4)
    ]
    payload["verdict"] |= {"code": "keep_control", "guardrails": "failed"}
    return payload


def no_difference() -> Payload:
    """The planned size is reached and nothing was found."""
    payload = ship()
    payload["metrics"][0]["comparisons"] = [
        comparison(lift=0.004, interval=(-0.051, 0.059), verdict="no_difference_yet", p_value=0.88)
    ]
    payload["verdict"] |= NOTHING_FOUND | {"code": "no_difference"}
    payload["series"] = [series("conversion", "b", 0.004)]
    return payload


def keep_running() -> Payload:
    """62 % of the plan, about six days left."""
    payload = ship()
    payload["metrics"][0]["comparisons"] = [
        comparison(lift=0.03, interval=(-0.043, 0.104), verdict="too_early", p_value=0.35)
    ]
    payload["metrics"][1]["comparisons"][0]["verdict"] = "too_early"
    payload["metrics"][3]["comparisons"][0]["verdict"] = "not_shown_safe"
    payload["verdict"] |= NOTHING_FOUND | {
        "code": "keep_running",
        "progress": 0.62,
        "days_left": 6,
    }
    payload["health"][1] |= {
        "num_units": 2480,
        "progress": 0.62,
        "days_left": 6,
    }
    payload["series"] = [series("conversion", "b", 0.03, 9)]
    payload["exposures_by_day"] = payload["exposures_by_day"][:9]
    return payload


def not_enough_data() -> Payload:
    """The second day of a test: no estimate yet."""
    payload = ship()
    few = {"code": "too_few_units", "detail": "62 units, at least 100 are needed"}
    for m in payload["metrics"]:
        base = m["control"]["value"]
        m["control"] |= {"num_units": 58, "numerator": round(base * 58), "denominator": 58}
        m["comparisons"] = [
            comparison(
                base=base,
                lift=None,
                interval=None,
                p_value=None,
                num_units=62,
                verdict="no_result",
                reason=few,
            )
        ]
    for v, num in zip(payload["variants"], (58, 62), strict=True):
        v["num_units"] = num
    payload["verdict"] |= NOTHING_FOUND | {
        "code": "not_enough_data",
        "progress": 0.03,
        "days_left": 41,
    }
    payload["health"][0] |= {"status": "unknown", "p_value": None}
    payload["health"][1] |= {
        "num_units": 120,
        "progress": 0.03,
        "days_left": 41,
    }
    payload["series"] = [
        {
            "metric": "conversion",
            "variant": "b",
            "points": [
                {"date": "2026-11-09", "num_units": 120, "lift": None, "lift_interval": None}
            ],
        }
    ]
    payload["exposures_by_day"] = [{"date": "2026-11-09", "num_units": {"control": 58, "b": 62}}]
    return payload


def stopped_early() -> Payload:
    """Ended by hand before its plan."""
    payload = keep_running()
    payload["experiment"] |= {"state": "stopped", "ended_at": "2026-11-17T12:00:00+00:00"}
    payload["verdict"] |= {"code": "stopped_early", "days_left": None}
    payload["health"][1] |= {"days_left": None}
    return payload


def invalid() -> Payload:
    """A split that cannot be chance."""
    payload = ship()
    payload["verdict"] |= NOTHING_FOUND | {"code": "invalid", "srm_p_value": 2e-6}
    payload["health"][0] |= {"status": "bad", "p_value": 2e-6, "variant": "control"}
    payload["health"][2] |= {"status": "warn", "lag_seconds": 9300}
    for v, num, share in zip(payload["variants"], (2160, 1850), (0.5387, 0.4613), strict=True):
        v |= {"num_units": num, "observed_share": share}
    return payload


def inconclusive_guardrail() -> Payload:
    """B wins on the goal; a guardrail's interval still reaches past its margin."""
    payload = ship()
    payload["metrics"][2]["comparisons"] = [
        comparison(
            base=0.031, lift=0.03, interval=(-0.06, 0.12), verdict="not_shown_safe", p_value=0.5
        )
    ]
    payload["verdict"] |= {"code": "inconclusive_guardrail", "guardrails": "unknown"}
    return payload


def always_valid() -> Payload:
    """No plan: the interval is one-sided because the control converts rarely."""
    payload = ship()
    payload["experiment"]["planned_num_units"] = None
    payload["method"] |= {
        "rule": "always_valid",
        "num_comparisons": 1,
        "comparison_alpha": 0.05,
        "correction": "none",
    }
    payload["metrics"] = [
        metric(
            "conversion",
            comparison(lift=0.4, interval=(0.02, None), level=0.95, p_value=0.031),
        )
    ]
    payload["verdict"] |= {
        "lift": 0.4,
        "lift_interval": [0.02, None],
        "confidence_level": 0.95,
        "progress": None,
    }
    payload["health"][1] |= {"planned_num_units": None, "progress": None}
    return payload


def imported() -> Payload:
    """An imported three-arm test: rates and spend of Hillstrom's e-mail test (MineThatData)."""
    payload = base_payload(("control", "mens", "womens"), num_days=0)
    payload["experiment"] |= {
        "key": "hillstrom-email",
        "name": "Hillstrom e-mail test",
        "hypothesis": "",
        "state": "stopped",
        "source": "imported",
        "unit": "user",
        "planned_num_units": None,
        "started_at": None,
    }
    names = ("No e-mail", "Men’s e-mail", "Women’s e-mail")
    for v, name, num in zip(payload["variants"], names, (21306, 21307, 21387), strict=True):
        v |= {"name": name, "num_units": num, "observed_share": num / 64000}
    visit, spend = 0.1062, 0.6528
    mens = {"variant": "mens", "num_units": 21307, "level": 0.9875}
    womens = {"variant": "womens", "num_units": 21387, "level": 0.9875}
    payload["metrics"] = [
        metric(
            "visit",
            comparison(**mens, base=visit, lift=0.7217, interval=(0.64, 0.808), p_value=0.0),
            comparison(**womens, base=visit, lift=0.4260, interval=(0.353, 0.503), p_value=0.0),
            name="Visit",
            description="",
            base=visit,
            num_units=21306,
        ),
        metric(
            "spend",
            comparison(**mens, base=spend, lift=1.1793, interval=(0.62, 2.01), p_value=8e-8),
            comparison(**womens, base=spend, lift=0.6501, interval=(0.21, 1.3), p_value=9e-4),
            name="Spend",
            description="",
            kind="mean",
            format="money",
            unit_label="$",
            base=spend,
            num_units=21306,
        ),
    ]
    payload["method"] |= {
        "rule": "always_valid",
        "num_comparisons": 4,
        "comparison_alpha": 0.0125,
    }
    payload["verdict"] |= {
        "variant": "mens",
        "metric": "visit",
        "lift": 0.7217,
        "lift_interval": [0.64, 0.808],
        "confidence_level": 0.9875,
        "guardrails": "none",
        "progress": None,
    }
    payload["health"][1] |= {"num_units": 64000, "planned_num_units": None, "progress": None}
    payload["health"][2] |= {
        "status": "unknown",
        "last_exposure_at": None,
        "last_event_at": None,
        "lag_seconds": None,
    }
    return payload


def many(num_metrics: int = 20, num_variants: int = 4) -> Payload:
    """A large page: many metrics in many variants, each with a series."""
    keys = ("control", *(f"v{i}" for i in range(1, num_variants + 1)))
    payload = base_payload(keys)
    for index in range(num_metrics):
        role = ("goal", "guardrail", "secondary")[index % 3]
        payload["metrics"].append(
            metric(
                f"metric-{index}",
                *(
                    comparison(key, lift=0.01 * place, interval=(0.01 * place - 0.05, 0.09))
                    for place, key in enumerate(keys[1:])
                ),
                name=f"Metric {index}",
                role=role,
                margin=0.02 if role == "guardrail" else None,
            )
        )
        payload["series"] += [series(f"metric-{index}", key, 0.02) for key in keys[1:]]
    payload["verdict"] |= {"variant": "v1", "metric": "metric-0"}
    return payload


def looks(*numbers: int, next_at: int | None = None, planned: int = 20) -> Payload:
    """Looks of a plan of 4,000 units, of which those of these numbers were taken."""
    return {
        "planned": planned,
        "taken": [
            {
                "number": number,
                "num_units": number * 4000 // planned,
                "information": number / planned,
                "taken_at": f"2026-11-{9 + number:02d}T09:59:00+00:00",
            }
            for number in numbers
        ],
        "next_at": next_at,
        "is_new": False,
        "is_final": next_at is None,
    }


def between_looks() -> Payload:
    """Group-sequential, 62 % of the plan: the goals as they were at 60 %."""
    payload = keep_running()
    payload["method"]["rule"] = "group_sequential"
    payload["looks"] = looks(3, 6, 9, 12, next_at=2600)
    for m in payload["metrics"][:2]:
        m["comparisons"][0]["verdict"] = "no_difference_yet"
    return payload


def before_first_look() -> Payload:
    """Group-sequential, on the first day: no goal has been read."""
    payload = not_enough_data()
    payload["method"]["rule"] = "group_sequential"
    payload["looks"] = looks(next_at=200)
    payload["verdict"]["code"] = "keep_running"
    payload["metrics"][0]["so_far"] = {
        "variant": "",
        "num_units": 120,
        "numerator": 12.0,
        "denominator": 120.0,
        "value": 0.1,
    }
    unread = {"code": "before_first_look", "detail": "the first look has not been taken"}
    for m in payload["metrics"]:
        if m["role"] != "guardrail":
            m["control"] |= {"num_units": 0, "numerator": 0.0, "denominator": 0.0, "value": None}
            m["comparisons"][0] |= {
                "num_units": 0,
                "numerator": 0.0,
                "denominator": 0.0,
                "value": None,
                "verdict": "too_early",
                "reason": unread,
            }
    payload["series"] = []
    return payload


def shown_at_a_look() -> Payload:
    """Group-sequential, shown at 60 % of the plan, with the correction for stopping there."""
    payload = ship()
    payload["method"]["rule"] = "group_sequential"
    payload["looks"] = looks(3, 6, 9, 12)
    payload["verdict"] |= {"progress": 0.62}
    payload["metrics"][0]["comparisons"][0]["corrected"] = {
        "difference": 0.0076,
        "difference_interval": [0.0012, 0.0138],
        "lift": 0.0721,
        "lift_interval": [0.011, 0.131],
        "p_value": 0.018,
    }
    payload["metrics"][1]["comparisons"][0]["warnings"] = ["skewed"]
    payload["metrics"][4]["comparisons"][0]["adjusted_p_value"] = 4e-5
    return payload


def at_a_look() -> Payload:
    """Group-sequential, at look 12: nothing is shown, and more looks come."""
    payload = between_looks()
    payload["looks"]["is_new"] = True
    return payload


def shown_with_open_guardrail() -> Payload:
    """Group-sequential, shown at 60 % of the plan, with a guardrail that is not shown safe."""
    payload = shown_at_a_look()
    payload["metrics"][2] = inconclusive_guardrail()["metrics"][2]
    payload["verdict"] |= {"code": "inconclusive_guardrail", "guardrails": "unknown"}
    return payload


def partly_read() -> Payload:
    """The plan is complete: one goal shows nothing, the other could not be read."""
    payload = no_difference()
    payload["metrics"][1]["comparisons"] = [unread("too_skewed", base=5.4212, total=11392.5)]
    return payload


def nothing_read() -> Payload:
    """The plan is complete, and the values of both goals are too uneven."""
    payload = partly_read()
    payload["metrics"][0]["comparisons"] = [unread("too_skewed")]
    payload["verdict"]["code"] = "no_result"
    return payload


def unread(code: str, **fields: Any) -> Payload:
    """A comparison without a result."""
    return comparison(
        lift=None,
        interval=None,
        p_value=None,
        verdict="no_result",
        reason={"code": code, "detail": "…"},
        **fields,
    )


def bayesian() -> Payload:
    """Bayesian: very likely better, and the always-valid test does not agree yet."""
    payload = keep_running()
    payload["method"] |= {"rule": "bayesian", "any_peek_error": 0.38}
    payload["metrics"][0]["comparisons"] = [
        comparison(
            interval=(-0.02, 0.19),
            verdict="no_difference_yet",
            p_value=0.2,
            bayesian=odds(0.981, 0.078, (0.004, 0.152)),
        )
    ]
    return payload


def bayesian_winner() -> Payload:
    """Bayesian: likely better, and the always-valid test agrees."""
    payload = ship()
    payload["method"] |= {"rule": "bayesian", "any_peek_error": 0.38}
    payload["metrics"][0]["comparisons"][0]["bayesian"] = odds(0.9995, 0.08, (0.03, 0.13), 2e-5)
    return payload


BUILDERS: dict[str, Callable[[], Payload]] = {
    "ship": ship,
    "keep_control": keep_control,
    "guardrail_harmed": guardrail_harmed,
    "no_difference": no_difference,
    "keep_running": keep_running,
    "not_enough_data": not_enough_data,
    "stopped_early": stopped_early,
    "invalid": invalid,
    "inconclusive_guardrail": inconclusive_guardrail,
    "always_valid": always_valid,
    "imported": imported,
    "between_looks": between_looks,
    "before_first_look": before_first_look,
    "shown_at_a_look": shown_at_a_look,
    "at_a_look": at_a_look,
    "shown_with_open_guardrail": shown_with_open_guardrail,
    "partly_read": partly_read,
    "nothing_read": nothing_read,
    "bayesian": bayesian,
    "bayesian_winner": bayesian_winner,
}


def first_schema(payload: Payload) -> Payload:
    """A payload as version 1 of the schema had it."""
    old = copy.deepcopy(payload)
    old["schema_version"] = 1
    del old["looks"], old["method"]["any_peek_error"], old["method"]["tuned_num_units"]
    for name in ("method", "variant"):
        del old["health"][0][name]
    for m in old["metrics"]:
        del m["so_far"]
        for found in m["comparisons"]:
            for name in ("adjusted_p_value", "warnings", "bayesian", "corrected"):
                del found[name]
    return old


def with_extremes() -> Payload:
    """Intervals that no axis can hold beside ordinary ones."""
    payload = copy.deepcopy(ship())
    payload["metrics"][0]["comparisons"] += [
        comparison("b", lift=45.0, interval=(0.01, None), verdict="better"),
        comparison("b", lift=0.2, interval=(None, None), verdict="no_difference_yet"),
    ]
    return payload
