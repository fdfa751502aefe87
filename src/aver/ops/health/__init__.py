"""What evidence cannot tell: whether the process can keep it, read the index, trust its clock, and follow its sources."""
