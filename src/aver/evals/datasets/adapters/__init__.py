"""Sets as other programs write them, one format a file."""
