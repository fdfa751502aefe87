"""Releases: a bundle under one digest, its registry, and how it meets traffic."""
