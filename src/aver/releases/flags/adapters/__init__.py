"""Vendors' flags, each over a file, behind OpenFeature."""
