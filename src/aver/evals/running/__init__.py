"""Running a labelled set against a target: what is kept of it on the way, and what bounds it."""
