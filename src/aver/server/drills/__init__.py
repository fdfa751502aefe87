"""Drills put together: a copy of an installation that is served, load, faults, and what is seen of them from outside."""
