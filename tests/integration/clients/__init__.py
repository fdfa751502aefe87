"""The official clients, unchanged, through every door to every family of providers."""
