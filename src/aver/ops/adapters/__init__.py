"""Where alerts are told, one kind a file."""
