"""Every figure an organisation steers by, read from what was counted of evidence: what it is, how sure it is, and what is behind it."""
