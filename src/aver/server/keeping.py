"""Retention applied again and again, beside serving."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aver.server.recurring import Recurring

if TYPE_CHECKING:
    from aver.server.application import Application, TenantServices

__all__ = ["keeper"]

_LOOKS = 600.0
"""Seconds between looks. A class falls due once a day, so most of them find nothing and cost two queries."""
_log = logging.getLogger("aver.governance")


def keeper(application: Application, looks: float = _LOOKS) -> Recurring:
    """What lets go the content whose time is up. Of several processes, whoever has a tenant's lock does."""
    return Recurring(application, _apply, looks, _log, "retention cannot be applied")


def _apply(tenant: str, services: TenantServices) -> None:
    if not services.declared.now().retention:
        return
    for each in services.governance.retention.apply():
        if each.count:
            said = {"tenant": tenant, "class": each.name, "count": each.count, "held": each.held}
            _log.info("content was let go", extra=said)
