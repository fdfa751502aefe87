"""One provider a file, imported when it is used."""
