"""Sources, parsing, chunking, the index, cited passages."""
