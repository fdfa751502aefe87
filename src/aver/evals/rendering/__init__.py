"""Runs and verdicts as files: a page that needs nothing else, JUnit, Markdown. Cases are hostile text in all of them."""
