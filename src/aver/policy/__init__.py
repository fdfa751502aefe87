"""Who may do what, decided purely: from who asked, what the tool does and where each argument came from. Default deny."""

from aver.policy.types import Annotations, Effect, Reversal, Trust

__all__ = ["Annotations", "Effect", "Reversal", "Trust"]
