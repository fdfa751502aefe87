"""What a person may ask of an organisation, put together: to be forgotten, with a receipt, and to be given what is kept of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aver.core.clock import rfc3339
from aver.core.errors import NotFound
from aver.core.ids import new_id
from aver.core.principal import Principal, user_reader
from aver.evidence import Draft

if TYPE_CHECKING:
    from aver.governance.erasure import Receipt
    from aver.governance.persons import PersonData
    from aver.identity.sessions import Begun
    from aver.server.application import Application
    from aver.server.tenancy import TenantServices

__all__ = ["end_session", "erase_person", "export_person", "person_data", "standing_of"]


def erase_person(application: Application, tenant: str, user: str, by: str) -> Receipt:
    """Forget a person; what was destroyed, for :func:`~aver.governance.erasure.seal`. Raises :class:`~aver.governance.holds.Held`, and as
    :meth:`~aver.server.application.Application.erase` does."""
    from aver.governance.erasure import receipt_of

    services = application.tenant(tenant)
    owner = services.store.tenant.id
    known = application.directory.find(owner, user) is not None
    keys = sum(each.user.casefold() == user.casefold() for each in application.store.keys(owner))
    step = application.erase(tenant, user)
    cases = len(application.cases_of(tenant, user))
    subject = user_reader(user)
    return receipt_of(services.store, step, subject=subject, by=by, keys=keys, person=known, cases=cases)


def export_person(
    application: Application,
    tenant: str,
    user: str,
    out: Path,
    by: Principal,
    surface: str,
    groups: Iterable[str] = (),
) -> int:
    """Write what is kept of a person to ``out``, a ZIP file, and keep that on record; how many things it is. Raises
    :class:`~aver.core.errors.NotFound` for somebody of whom nothing is kept."""
    from aver.governance.persons import write

    services = application.tenant(tenant)
    data = person_data(application, services, user, groups)
    services.read_by(by, "person", surface)
    write(data, out)
    return sum(len(rows) for rows in data.sections.values())


def end_session(application: Application, tenant: str, session: str, by: str) -> Begun:
    """End somebody's session at once, on record. Raises :class:`~aver.core.errors.NotFound`."""
    services = application.tenant(tenant)
    ended = application.sessions.close(services.store.tenant.id, session)
    draft = Draft(new_id("session"), "session_ended", user_reader(ended.user), {}, {"user": ended.user, "by": by})
    with services.store.begin() as tx:
        services.ledger.append_all(tx, [draft])
    return ended


def person_data(
    application: Application, services: TenantServices, user: str, groups: Iterable[str] = ()
) -> PersonData:
    """Everything that is kept of a user, chained by now or not; ``groups`` are those of somebody whom the tenant does not know. Raises :class:`~aver.core.errors.NotFound` where that is nothing."""
    from aver.agents.acting.memory import Memory
    from aver.governance.persons import PersonData, about

    services.outbox.settle()
    tenant = services.store.tenant
    person = application.directory.find(tenant.id, user)
    principal = person.principal if person is not None else services.principal(user, groups)
    keys = [each for each in application.store.keys(tenant.id) if each.user.casefold() == user.casefold()]
    known: dict[str, list[dict[str, Any]]] = {
        "person": [_person(person)] if person is not None else [],
        "conversations": [_plain(each) for each in services.conversations.all(principal)],
        "tasks": [_plain(each) for each in services.turns.listed(principal)],
        "memory": [{"name": each.name, "value": each.value} for each in Memory(services.journal).recall(principal)],
        "keys": [
            {"id": each.id, "created": rfc3339(each.created), "expires": each.expires and rfc3339(each.expires)}
            for each in keys
        ],
        "sessions": [
            {"begun": rfc3339(each.begun), "seen": rfc3339(each.seen), "ends": rfc3339(each.ends), "means": each.means}
            for each in application.sessions.of_tenant(tenant.id)
            if each.user.casefold() == user.casefold()
        ],
    }
    sections = known | about(services.store, services.ledger, services.governance.accesses, user)
    if not any(sections.values()):
        raise NotFound("Nothing is kept of a user of this name", "Check the name: aver people list.")
    return PersonData(tenant.name, user, rfc3339(application.clock.now()), sections)


def standing_of(application: Application, services: TenantServices) -> list[dict[str, Any]]:
    """Where each person of a tenant stands with the rules of use in force; service accounts are asked for no agreement."""
    people = [each for each in application.directory.people(services.store.tenant.id) if each.kind == "person"]
    stand = services.governance.use.standing(each.user for each in people)
    return [
        {"user": each.user, "active": each.active, "agreed": agreed.at}
        for each, agreed in zip(people, stand, strict=True)
    ]


def _person(person: Any) -> dict[str, Any]:
    shown = ("id", "user", "kind", "active", "provisioned")
    profile = {name: value for name, value in asdict(person.profile).items() if value}
    named = {name: sorted(getattr(person, name)) for name in ("groups", "granted", "roles")}
    return {**{name: getattr(person, name) for name in shown}, **profile, **named, "created": rfc3339(person.created)}


def _plain(record: Any) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    plain: dict[str, Any] = to_jsonable_python(record)
    return plain
