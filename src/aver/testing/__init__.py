"""Public fakes for tests: an embedder, a clock, a model server that misbehaves on demand, and contract suites."""

from aver.testing.clock import FixedClock
from aver.testing.embedder import HashEmbedder

__all__ = ["FixedClock", "HashEmbedder"]
