"""What people say of cases: labels, how far they agree, which are wrong; and turns of production made into cases to be labelled."""
