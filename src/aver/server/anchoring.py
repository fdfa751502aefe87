"""Chains told outside again and again, beside serving."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aver.server.recurring import Recurring
from aver.store.files import try_exclusive

if TYPE_CHECKING:
    from aver.server.application import Application, TenantServices

__all__ = ["anchorer"]

_LOOKS = 30.0
"""Seconds between looks at what is due."""
_FAILED = "the chain cannot be anchored outside"
_log = logging.getLogger("aver.evidence")


def anchorer(application: Application, looks: float = _LOOKS) -> Recurring | None:
    """What anchors every chain as often as the settings say; ``None`` where they name no place. Of several processes one does."""
    anchors = application.settings.anchors
    if not (anchors.file or anchors.s3.bucket or anchors.timestamp.url or anchors.witness.url):
        return None

    def anchor(tenant: str, services: TenantServices) -> None:
        with try_exclusive(application.settings.data / "anchors.lock", "anchors"):
            if not services.anchors.due(anchors.every):
                return
            for each in services.anchors.anchor():
                if each.problem:
                    said = {"tenant": tenant, "place": each.kind, "cause": each.problem}
                    _log.error(_FAILED, extra=said)

    return Recurring(application, anchor, min(looks, anchors.every), _log, _FAILED)
