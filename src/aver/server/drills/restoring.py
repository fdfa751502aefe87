"""What a drill in place left that is no file: documents of its own, and what was done of itself because of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aver.core.errors import NotFound, Unavailable
from aver.governance.places import Misplaced
from aver.server.mitigating import machine_actor

if TYPE_CHECKING:
    from aver.server.application import Application
    from aver.server.drills.undoing import Undo
    from aver.server.tenancy import TenantServices

__all__ = ["restore"]

_BY = "drill"


def restore(application: Application, undo: Undo) -> None:
    """Take back a ``source`` or ``mitigations``. Raises :class:`~aver.core.errors.AverError` where that cannot be done now."""
    try:
        services = application.tenant(undo.path)
    except (NotFound, Misplaced):  # nothing was done for one that is not served here
        return
    if undo.kind == "source":
        _remove(services, undo.aside)
    else:
        desk, since = services.operations.mitigations, datetime.fromisoformat(undo.aside)
        for each in desk.mitigations(standing=True):
            if each.rule and each.undoable and each.begun >= since:
                desk.undo(each.id, machine_actor(services, _BY), reason="the drill in place is over")


def _remove(services: TenantServices, source: str) -> None:
    try:
        services.sources.remove(source)
    except NotFound:
        return  # it was not taken in yet
    except Unavailable:
        # Beside so many readers the rest of what is deleted may have to wait for the next deletion; nobody is shown it.
        if any(each.name == source for each in services.sources.states()):
            raise
