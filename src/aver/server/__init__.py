"""The composition root: HTTP API, chat page, command line."""
