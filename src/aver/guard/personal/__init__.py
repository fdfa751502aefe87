"""Personal data in texts: identifiers that check themselves, what has a form, and what only its surroundings tell."""

from aver.guard.personal.detector import PersonalData

__all__ = ["PersonalData"]
