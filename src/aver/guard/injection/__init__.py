"""Prompt injection and jailbreaks: texts that try to give a model orders it should not take."""

from aver.guard.injection.detector import Injection, InjectionDetector

__all__ = ["Injection", "InjectionDetector"]
