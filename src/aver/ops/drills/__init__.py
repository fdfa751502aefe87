"""Drills: what can go wrong, as scenarios; what was seen of one, as figures; what was found before."""
