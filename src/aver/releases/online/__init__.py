"""Whether figures from before a release foretell those of after it, and what got past a gate."""
