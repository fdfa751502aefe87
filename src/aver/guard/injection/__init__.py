"""Prompt injection and jailbreaks: texts that try to give a model orders it should not take."""
