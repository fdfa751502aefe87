"""Who may do what, decided purely: from who asked, what the tool does and where each argument came from. Default deny."""

from aver.policy.types import Action, Annotations, Decision, Effect, Origin, Outcome, Reversal, Trust

__all__ = ["Action", "Annotations", "Decision", "Effect", "Origin", "Outcome", "Reversal", "Trust"]
