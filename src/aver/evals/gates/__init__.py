"""What a run must meet to be let through, judged on intervals: pass, fail or inconclusive; and two runs compared."""
