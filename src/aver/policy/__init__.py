"""Who may do what, decided purely: from who asked, what the tool does and where each argument came from. Default deny."""

from aver.policy.access import PERMISSIONS, Permission
from aver.policy.live import LivePolicies
from aver.policy.policies import Policies, Rule
from aver.policy.provenance import Provenance
from aver.policy.recorded import action_from, action_to, decision_from, decision_to, origin_from, origin_to
from aver.policy.types import Action, Annotations, Asked, Decision, Effect, Origin, OriginKind, Outcome, Reversal, Trust

__all__ = [
    "PERMISSIONS",
    "Action",
    "Annotations",
    "Asked",
    "Decision",
    "Effect",
    "LivePolicies",
    "Origin",
    "OriginKind",
    "Outcome",
    "Permission",
    "Policies",
    "Provenance",
    "Reversal",
    "Rule",
    "Trust",
    "action_from",
    "action_to",
    "decision_from",
    "decision_to",
    "origin_from",
    "origin_to",
]
