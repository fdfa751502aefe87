"""The ledger: append, chain, checkpoint, verify, export, erase."""
