"""Answers given before: exact and semantic, within permissions."""

from aver.gateway.cache.types import Access, Cache, Found

__all__ = ["Access", "Cache", "Found"]
