"""Actions, origins and decisions as they are recorded: plain JSON, which is read back to equal values. What decides is recorded whole, so
that a decision can be explained and made again without the tool, the turn or the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.core import Principal
from aver.core.errors import InvalidInput
from aver.core.labels import ANYTHING, Label, read_label
from aver.policy.types import Action, Annotations, Decision, Effect, Origin

__all__ = ["action_from", "action_to", "decision_from", "decision_to", "origin_from", "origin_to"]


def origin_to(origin: Origin) -> dict[str, Any]:
    """An origin as it is recorded."""
    readers = None if origin.readers is None else sorted(origin.readers)
    return {"kind": origin.kind, "step": origin.step, "readers": readers, **_labelled(origin.label)}


def origin_from(data: Mapping[str, Any]) -> Origin:
    """An origin as it was recorded."""
    readers = data.get("readers")
    kept = None if readers is None else frozenset(readers)
    return Origin(data["kind"], data.get("step", ""), kept, read_label(data.get("label")))


def decision_to(decision: Decision) -> dict[str, Any]:
    """A decision as it is recorded."""
    return {"outcome": decision.outcome, "reason": decision.reason, "policies": list(decision.policies)}


def decision_from(data: Mapping[str, Any]) -> Decision:
    """A decision as it was recorded."""
    return Decision(data["outcome"], data["reason"], tuple(data["policies"]))


def action_to(action: Action) -> dict[str, Any]:
    """An action as it is recorded, with all that policy was asked about."""
    principal, annotations = action.principal, action.annotations
    return {
        "principal": {
            "tenant": principal.tenant,
            "user": principal.user,
            "groups": sorted(principal.groups),
            "roles": sorted(principal.roles),
        },
        "tool": action.tool,
        "annotations": {
            "effects": sorted(annotations.effects),
            "reversal": annotations.reversal,
            "compensation": annotations.compensation,
            "targets": list(annotations.targets),
            "content": list(annotations.content),
            "output": annotations.output,
            "untrusted_fields": list(annotations.untrusted_fields),
            "idempotent": annotations.idempotent,
            "clearance": annotations.clearance,
            "region": annotations.region,
            **_labelled(annotations.label),
        },
        "arguments": dict(action.arguments),
        "origins": {path: [origin_to(each) for each in several] for path, several in action.origins.items()},
        "links": [[origin_to(each) for each in several] for several in action.links],
        "history": list(action.history),
        "asked": action.asked,
        "about": action.about,
        **_labelled(action.label),
    }


def action_from(data: Mapping[str, Any]) -> Action:
    """An action as it was recorded. Raises :class:`InvalidInput` for anything else."""
    try:
        principal, annotations = data["principal"], data["annotations"]
        return Action(
            Principal(
                principal["tenant"], principal["user"], frozenset(principal["groups"]), frozenset(principal["roles"])
            ),
            data["tool"],
            Annotations(
                frozenset(Effect(each) for each in annotations["effects"]),
                annotations["reversal"],
                annotations["compensation"],
                tuple(annotations["targets"]),
                tuple(annotations["content"]),
                annotations["output"],
                tuple(annotations["untrusted_fields"]),
                annotations.get("idempotent"),
                read_label(annotations.get("label")),
                annotations.get("clearance", ""),
                annotations.get("region", ""),
            ),
            data["arguments"],
            {path: tuple(origin_from(each) for each in several) for path, several in data["origins"].items()},
            tuple(data["history"]),
            data["asked"],
            data["about"],
            tuple(tuple(origin_from(each) for each in several) for several in data["links"]),
            read_label(data.get("label")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(
            f"This is no recorded action ({type(error).__name__}: {error})", "Pass one as action_to writes it."
        ) from error


def _labelled(label: Label) -> dict[str, Any]:
    """Nothing of what nothing is declared of: most of what is recorded."""
    return {} if label == ANYTHING else {"label": label.plain()}
