"""Drills put on record, with every tenant of the installation that was drilled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aver.core.errors import AverError
from aver.ops.drills.history import drafted

if TYPE_CHECKING:
    from aver.ops.drills.types import Drill
    from aver.server.application import Application

__all__ = ["record"]


def record(application: Application, drill: Drill, by: str) -> int:
    """Put a drill on record; with how many tenants. What keeps one from being written to keeps no other; it is raised in the end."""
    failed: AverError | None = None
    count = 0
    for tenant in application.store.tenants():
        try:
            services = application.tenant(tenant.id)
            with services.store.begin() as tx:
                services.ledger.append_all(tx, [drafted(drill, by)])
            count += 1
        except AverError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return count
