"""Who may do what, decided purely: from who asked, what the tool does and where each argument came from. Default deny."""

from aver.policy.live import LivePolicies
from aver.policy.policies import Policies, Rule
from aver.policy.provenance import Provenance
from aver.policy.types import Action, Annotations, Decision, Effect, Origin, OriginKind, Outcome, Reversal, Trust

__all__ = [
    "Action",
    "Annotations",
    "Decision",
    "Effect",
    "LivePolicies",
    "Origin",
    "OriginKind",
    "Outcome",
    "Policies",
    "Provenance",
    "Reversal",
    "Rule",
    "Trust",
]
