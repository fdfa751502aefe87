"""Labelled sets as files: reading and writing them, their versions, splits and coverage, and what is wrong with them."""
