"""What one user may learn of what another may see: worlds, an oracle that knows, and every face to ask."""
