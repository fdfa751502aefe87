"""Readers of formats, one a file: ``read(data: bytes) -> Draft``, imported when a file of the format turns up."""
