"""Where a tenant's data have to be kept, and that they are kept nowhere else."""

from __future__ import annotations

import json

from sqlalchemy import select

from aver.core.errors import Unavailable
from aver.governance.store import declarations
from aver.store import TenantStore

__all__ = ["CURRENT", "Misplaced", "check_place", "check_region"]

CURRENT = "current"
"""The row of what is declared."""


class Misplaced(Unavailable):
    """The tenant's data have to be kept somewhere else."""

    slug = "misplaced"

    def __init__(self, wanted: str, here: str) -> None:
        where = f"in {here}" if here else "in no region that it says"
        super().__init__(
            f"This tenant's data have to be kept in {wanted}, and this installation keeps them {where}",
            "Serve the tenant there, or say where this is: AVER_REGION.",
        )


def check_place(store: TenantStore, region: str) -> None:
    """Raises :class:`Misplaced` where an installation in ``region`` may not keep the tenant's data."""
    with store.read() as tx:
        written = tx.execute(select(declarations.c.declared).where(declarations.c.name == CURRENT)).scalar()
    check_region(str(json.loads(written).get("region", "")) if written else "", region)


def check_region(wanted: str, region: str) -> None:
    """Raises :class:`Misplaced`."""
    if wanted and wanted != region:
        raise Misplaced(wanted, region)
