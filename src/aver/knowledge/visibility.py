"""Who sees what. Everything that shows a document asks here, and nowhere else is it decided."""

from __future__ import annotations

from sqlalchemy import Select, select

from aver.core import Principal
from aver.knowledge.store import acl_readers

__all__ = ["visible_acls"]


def visible_acls(principal: Principal) -> Select[tuple[int]]:
    """The reader sets that ``principal`` belongs to, as a subquery. What is under no set, or none of these, does not exist."""
    return select(acl_readers.c.acl).where(acl_readers.c.reader.in_(sorted(principal.readers))).distinct()
