"""Every table a tenant has, and rows to fill them with."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Float, Integer, LargeBinary, String, Table

import aver.agents.acting.store
import aver.agents.store
import aver.evidence.store
import aver.gateway.budgets.store
import aver.gateway.cache.store
import aver.governance.anchors.store
import aver.governance.store
import aver.knowledge.store
import aver.ops.feedback.store
import aver.ops.store
import aver.ops.turns.store  # noqa: F401 - each declares its tables
from aver.store import tenant_metadata

__all__ = ["COUNTER", "TENANT_TABLES", "row"]

TENANT_TABLES = tenant_metadata.sorted_tables
COUNTER = tenant_metadata.tables["index_state"]
"""A table with a text key ``name`` and a number ``version``."""


def row(table: Table, seed: object) -> dict[str, Any]:
    """A row of ``table``, all of whose values follow from ``seed``; the tenant is left to the session."""
    return {column.name: _value(column.type, f"{seed}.{column.name}") for column in table.c if column.name != "tenant"}


def _value(kind: object, seed: str) -> object:
    digest = hashlib.sha256(seed.encode()).digest()
    if isinstance(kind, Integer):
        return int.from_bytes(digest[:3], "big")
    if isinstance(kind, Float):
        return digest[0] / 256
    if isinstance(kind, LargeBinary):
        return digest
    assert isinstance(kind, String), f"say here how to fill a column of type {kind}"
    return digest.hex()
