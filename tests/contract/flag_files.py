"""The same flags in every format: ``beta`` (true for the group pilots), ``tone`` (``warm`` for them, else ``plain``), ``limit`` (8, else 3), ``ratio`` (0.5), ``shape``
(an object)."""

from __future__ import annotations

from typing import Any

__all__ = ["BUNDLE", "FLAGD", "LAUNCHDARKLY", "SHAPE", "optimizely"]

SHAPE = {"rows": 3, "wide": True}

BUNDLE = """
declared:
  beta: {variants: {"on": true, "off": false}, default: "off", rules: [{groups: [pilots], variant: "on"}]}
  tone: {variants: {warm: warm, plain: plain}, default: plain, rules: [{groups: [pilots], variant: warm}]}
  limit: {variants: {many: 8, few: 3}, default: few, rules: [{groups: [pilots], variant: many}]}
  ratio: {variants: {half: 0.5}, default: half}
  shape: {variants: {wide: {rows: 3, wide: true}}, default: wide}
"""


def _flagd(variants: dict[str, Any], pilots: str, others: str) -> dict[str, Any]:
    rule = {"if": [{"in": ["pilots", {"var": "groups"}]}, pilots, others]}
    return {"state": "ENABLED", "variants": variants, "defaultVariant": others} | (
        {} if pilots == others else {"targeting": rule}
    )


FLAGD = {
    "flags": {
        "beta": _flagd({"on": True, "off": False}, "on", "off"),
        "tone": _flagd({"warm": "warm", "plain": "plain"}, "warm", "plain"),
        "limit": _flagd({"many": 8, "few": 3}, "many", "few"),
        "ratio": _flagd({"half": 0.5}, "half", "half"),
        "shape": _flagd({"wide": SHAPE}, "wide", "wide"),
    }
}


def _launchdarkly(key: str, variations: list[Any], pilots: int, others: int) -> dict[str, Any]:
    clause = {"attribute": "groups", "op": "in", "values": ["pilots"], "contextKind": "user"}
    return {
        "key": key,
        "on": True,
        "version": 1,
        "variations": variations,
        "fallthrough": {"variation": others},
        "offVariation": others,
        "rules": [] if pilots == others else [{"id": "pilots", "variation": pilots, "clauses": [clause]}],
        "salt": "salt",
    }


LAUNCHDARKLY = {
    "flags": {
        "beta": _launchdarkly("beta", [True, False], 0, 1),
        "tone": _launchdarkly("tone", ["warm", "plain"], 0, 1),
        "limit": _launchdarkly("limit", [8, 3], 0, 1),
        "ratio": _launchdarkly("ratio", [0.5], 0, 0),
        "shape": _launchdarkly("shape", [SHAPE], 0, 0),
    }
}


def optimizely() -> dict[str, Any]:
    """A datafile: of each flag a rollout with a rule for pilots, behind it one for everybody."""
    flags, rollouts = [], []
    values: dict[str, tuple[str, str, str]] = {
        "beta": ("boolean", "true", "false"),
        "tone": ("string", "warm", "plain"),
        "limit": ("integer", "8", "3"),
        "ratio": ("double", "0.5", "0.5"),
        "shape": ("json", '{"rows": 3, "wide": true}', '{"rows": 3, "wide": true}'),
    }
    for number, (key, (kind, pilots, others)) in enumerate(values.items(), 1):
        variable = {"id": f"{number}9", "key": "value", "type": kind, "defaultValue": others}
        flags.append(
            {"id": f"{number}", "key": key, "rolloutId": f"{number}0", "experimentIds": [], "variables": [variable]}
        )
        rules = [
            _rule(f"{number}1", "pilots" if key != "beta" else "on", variable["id"], pilots, ["1000"], enabled=True),
            _rule(f"{number}2", "others", variable["id"], others, [], enabled=key != "beta"),
        ]
        rollouts.append({"id": f"{number}0", "experiments": rules})
    condition = ["or", ["or", {"name": "group_pilots", "type": "custom_attribute", "match": "exact", "value": True}]]
    return {
        "version": "4",
        "projectId": "1",
        "accountId": "1",
        "revision": "1",
        "anonymizeIP": True,
        "botFiltering": False,
        "sdkKey": "",
        "environmentKey": "",
        "attributes": [{"id": "500", "key": "group_pilots"}],
        "audiences": [{"id": "1000", "name": "pilots", "conditions": '["or"]'}],
        "typedAudiences": [{"id": "1000", "name": "pilots", "conditions": condition}],
        "events": [],
        "groups": [],
        "experiments": [],
        "variables": [],
        "featureFlags": flags,
        "rollouts": rollouts,
    }


def _rule(
    number: str, variant: str, variable: str, value: str, audiences: list[str], *, enabled: bool
) -> dict[str, Any]:
    variation = {
        "id": f"{number}5",
        "key": variant,
        "featureEnabled": enabled,
        "variables": [{"id": variable, "value": value}],
    }
    return {
        "id": number,
        "key": f"rule_{number}",
        "status": "Running",
        "layerId": f"{number}7",
        "audienceIds": audiences,
        "forcedVariations": {},
        "variations": [variation],
        "trafficAllocation": [{"entityId": f"{number}5", "endOfRange": 10000}],
    }
