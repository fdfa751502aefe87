"""Where a tenant's documents come from: what is declared, how it is followed, one kind of source a file."""

from aver.knowledge.sources.declaration import parse_sources, source_schema
from aver.knowledge.sources.registry import kinds
from aver.knowledge.sources.service import Sources
from aver.knowledge.sources.types import DeclaredSource, Kind, Reach, SourceState

__all__ = ["DeclaredSource", "Kind", "Reach", "SourceState", "Sources", "kinds", "parse_sources", "source_schema"]
