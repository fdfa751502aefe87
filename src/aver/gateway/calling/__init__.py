"""One call, carried through retries, breakers, fallbacks, hedges and continuations."""
