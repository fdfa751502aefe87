"""The turn: retrieve, generate, verify, respond; conversations."""
