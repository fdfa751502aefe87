"""Model providers and embedders behind one protocol."""
