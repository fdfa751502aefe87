"""Wire protocols: what callers speak to Aver, and what Aver speaks to providers."""
