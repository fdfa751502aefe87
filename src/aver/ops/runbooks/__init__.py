"""Runbooks: what to do about an incident, in Markdown, with steps that can be run."""
