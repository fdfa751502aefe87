"""Operations put together: a tenant's evidence and sources, what the bundle in force promises, the installation's secrets and releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aver.core.errors import AverError, InvalidInput
from aver.core.ids import new_id
from aver.ops.alerts.sending import Sender
from aver.ops.alerts.types import Alert, Message
from aver.ops.runbooks.reading import read_runbooks
from aver.ops.runbooks.types import Runbook
from aver.ops.service import Operations
from aver.ops.types import ObjectivesConfig
from aver.server.mitigating import ports_of

if TYPE_CHECKING:
    from aver.server.application import Application
    from aver.server.tenancy import TenantServices

__all__ = ["operations_of", "send_test"]


def operations_of(application: Application, services: TenantServices) -> Operations:
    """Those of one tenant; what they remember from look to look is in memory, so make them once."""
    return Operations(
        services.store,
        services.ledger,
        application.clock,
        partial(_declared, application),
        send=Sender(application.secret, application.clock),
        lags=partial(_lags, application, services),
        explain=partial(_differs, application),
        health=partial(application.health.conditions.of, services.store.tenant.id),
        ports=partial(ports_of, application, services),
        runbooks=partial(_runbooks, application),
    )


def _declared(application: Application) -> ObjectivesConfig:
    return application.bundle().objectives or ObjectivesConfig()


def _runbooks(application: Application) -> Mapping[str, Runbook]:
    folder = application.bundle().folder
    return {} if folder is None else read_runbooks(folder)


def _lags(application: Application, services: TenantServices) -> Mapping[str, float]:
    """How far each followed source lags behind; asked only where that is promised, since sources need the index."""
    config = _declared(application)
    if application.alone or not any(each.indicator == "freshness" for each in config.slos.values()):
        return {}
    now = application.clock.now()
    found = {state.name: state.lag(now) for state in services.sources.states() if state.kind}
    return {name: lag for name, lag in found.items() if lag is not None}


def _differs(application: Application, before: str, after: str) -> Sequence[tuple[str, str]]:
    from aver.releases.diffing import compare
    from aver.server.releasing import registry

    releases = registry(application)
    try:
        old, new = releases.get(before), releases.get(after)
        changes = compare(old.manifest, new.manifest, releases.read, releases.read)
    except AverError:  # one of the two is gone, or there was none before
        return ()
    return [(each.part, each.text) for each in changes]


def send_test(application: Application, services: TenantServices, route: str) -> Message:
    """Send one message on a route that the bundle declares. Raises :class:`~aver.core.errors.InvalidInput` where there is none such, and what kept it from
    being sent."""
    routes = _declared(application).routes
    if route not in routes:
        raise InvalidInput(f"There is no route {route[:60]!r}", f"Declared are: {', '.join(routes) or 'none'}.")
    now, tenant = application.clock.now(), services.store.tenant.name
    said = "This is a test: nothing is wrong."
    alert = Alert(new_id("alert"), "test", "notice", {}, said, {}, now, now, now)
    # It stands for nothing, so nothing is left open at the other end.
    message = Message(new_id("message"), new_id("thread"), "resolved", "notice", tenant, now, 0, 1, (alert,))
    Sender(application.secret, application.clock)(routes[route], message)
    return message
