"""What a drill in place left that is no file: documents of its own, and what was done of itself because of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aver.core.errors import NotFound
from aver.server.mitigating import machine_actor

if TYPE_CHECKING:
    from aver.server.application import Application
    from aver.server.drills.undoing import Undo

__all__ = ["restore"]

_BY = "drill"


def restore(application: Application, undo: Undo) -> None:
    """Take back a ``source`` or ``mitigations``. Raises :class:`~aver.core.errors.AverError` where that cannot be done now."""
    services = application.tenant(undo.path)
    if undo.kind == "source":
        try:
            services.sources.remove(undo.aside)
        except NotFound:
            return  # it was not taken in yet
    else:
        desk, since = services.operations.mitigations, datetime.fromisoformat(undo.aside)
        for each in desk.mitigations(standing=True):
            if each.rule and each.undoable and each.begun >= since:
                desk.undo(each.id, machine_actor(services, _BY), reason="the drill in place is over")
