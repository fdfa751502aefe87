"""Governance: what an organisation has to be able to show, and to forget."""
