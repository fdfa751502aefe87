"""Far sides of sources for tests: services that speak the real ones' protocols over real HTTP, one a file."""
