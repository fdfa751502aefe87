"""Answers given before: exact and semantic, within permissions."""
