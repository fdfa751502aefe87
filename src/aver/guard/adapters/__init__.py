"""Checks that others make: servers over HTTP, and libraries that are installed beside Aver."""
