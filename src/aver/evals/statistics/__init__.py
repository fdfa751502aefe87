"""What figures over cases are worth: intervals, comparisons, tests, and how many cases they take. Pure; no I/O."""
