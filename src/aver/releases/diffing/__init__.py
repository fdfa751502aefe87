"""What differs between two releases: by meaning, as a product team would say it, and as text on demand."""

from aver.releases.diffing.changes import Change
from aver.releases.diffing.compare import compare, unified

__all__ = ["Change", "compare", "unified"]
