"""What the Admin page shows: people, groups, keys, sessions, who vouches, what is kept and held, what is stopped, what may be spent. Blocking reads, a
part at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from aver.core.errors import AverError, NotFound
from aver.core.principal import OWNER, ROLES, Principal
from aver.evidence.signing import fingerprint
from aver.policy.access import PERMISSIONS, Permission, allowed
from aver.server.application import Application, TenantServices
from aver.server.console.rooms import address
from aver.server.switching import switches_of
from aver.store import ApiKey, Person

__all__ = ["PARTS", "AdminView", "Given", "Part", "admin"]

T = TypeVar("T")
_ROWS = 50
_LOOKED_AT = 5
"""Portions of what is due that are counted for the page, of each class: 10,000 steps, or 500 documents."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page, and the permissions of which one lets somebody see it."""

    name: str
    words: str
    permissions: tuple[Permission, ...]


PARTS: tuple[Part, ...] = (
    Part("people", "People", ("oversee",)),
    Part("groups", "Groups", ("oversee",)),
    Part("keys", "API keys", ("administer",)),
    Part("sessions", "Sessions", ("administer",)),
    Part("sign-in", "Sign-in", ("oversee",)),
    Part("retention", "Retention and holds", ("oversee", "audit")),
    Part("switches", "Kill switches", ("oversee", "stop")),
    Part("budgets", "Budgets", ("oversee",)),
    Part("use", "Rules of use", ("oversee",)),
    Part("tenant", "Tenant", ("oversee",)),
)


@dataclass(frozen=True, slots=True)
class PersonRow:
    id: str
    user: str
    name: str
    kind: str
    active: bool
    provisioned: bool
    groups: tuple[str, ...]
    granted: tuple[str, ...]
    roles: tuple[str, ...]
    mine: bool
    """Whether whoever looks may change them: owners are changed by owners."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    name: str
    members: int
    roles: tuple[str, ...]
    provisioned: bool


@dataclass(frozen=True, slots=True)
class KeyRow:
    id: str
    user: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None
    ended: bool
    glass: str
    """Why the glass was broken; empty for every other key."""
    rotates: bool


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: str
    user: str
    means: str
    begun: datetime
    seen: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who vouches for people; ``issuer`` is empty where that is API keys alone."""

    issuer: str
    client: str
    redirect: str
    create: bool
    idle_minutes: float
    hours: float
    roles: Mapping[str, tuple[str, ...]]
    provisioning: int
    """How many keys are for SCIM."""


@dataclass(frozen=True, slots=True)
class KeptRow:
    name: str
    what: str
    days: int | None
    due: int | None
    """How much would go now; ``None`` for what is kept for ever, and where nobody may know."""
    held: int
    more: bool
    """Whether more is due than was counted."""


@dataclass(frozen=True, slots=True)
class HoldRow:
    id: str
    matter: str
    reason: str
    users: tuple[str, ...]
    documents: int
    by: str
    placed: datetime
    released: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    region: str
    here: str
    level: str
    regions: tuple[str, ...] | None
    rules: int
    classes: tuple[KeptRow, ...]
    holds: tuple[HoldRow, ...] | None
    """``None`` for whoever may not know of them."""


@dataclass(frozen=True, slots=True)
class SwitchRow:
    id: str
    kind: str
    name: str
    reason: str
    thrown: datetime
    own: bool
    """Whether it is this tenant's own: what stops everybody is lifted at the machine."""


@dataclass(frozen=True, slots=True)
class BudgetRow:
    name: str
    period: str
    value: str
    unit: str
    limit: int
    spent: int
    share: float


@dataclass(frozen=True, slots=True)
class UseRow:
    user: str
    active: bool
    agreed: datetime | None


@dataclass(frozen=True, slots=True)
class Use:
    digest: str
    text: str
    agreed: int
    people: tuple[UseRow, ...]


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """The tenant of whoever looks: nobody sees that there are others."""

    id: str
    name: str
    created: datetime
    people: int
    service_accounts: int
    keys: int
    steps: int
    signed_by: str
    """The fingerprint of the key that signs its evidence."""
    environment: str
    """The environment whose releases it is served, or nothing for the bundle as it is."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was just made and is shown this once."""

    kind: str
    text: str
    about: str


@dataclass(frozen=True, slots=True)
class AdminView:
    """One part at an address; of the others there is nothing. ``given`` and ``problem`` are about what was just done."""

    part: str
    parts: tuple[Part, ...]
    may: tuple[str, ...]
    known_roles: tuple[str, ...]
    permissions: tuple[str, ...]
    find: str = ""
    total: int = 0
    earlier: str = ""
    later: str = ""
    people: tuple[PersonRow, ...] | None = None
    groups: tuple[GroupRow, ...] | None = None
    keys: tuple[KeyRow, ...] | None = None
    makers: tuple[str, ...] = ()
    """For whom a key can be made."""
    sessions: tuple[SessionRow, ...] | None = None
    sign_in: SignIn | None = None
    kept: Kept | None = None
    switches: tuple[SwitchRow, ...] | None = None
    budgets: tuple[BudgetRow, ...] | None = None
    use: Use | None = None
    tenant: TenantFacts | None = None
    given: Given | None = None
    problem: Mapping[str, str] = field(default_factory=dict)
    done: str = ""


def admin(
    application: Application,
    services: TenantServices,
    principal: Principal,
    part: str,
    *,
    find: str = "",
    page: int = 1,
    given: Given | None = None,
    problem: AverError | None = None,
    done: str = "",
) -> AdminView:
    """The part of this name, or the first that ``principal`` may see. Raises :class:`~aver.core.errors.NotFound` for one that there is not, or that
    they may not."""
    seen = tuple(each for each in PARTS if any(allowed(principal, may) for may in each.permissions))
    name = part or seen[0].name
    if name not in {each.name for each in seen}:
        raise NotFound("There is no such part of this page, or it is not yours", "Go to the beginning: /admin.")
    look = _LOOKS[name](application, services, principal, find.strip()[:200], max(page, 1))
    return AdminView(
        part=name,
        parts=seen,
        may=tuple(each for each in PERMISSIONS if allowed(principal, each)),
        known_roles=tuple(ROLES),
        permissions=tuple(PERMISSIONS),
        find=find.strip()[:200],
        given=given,
        problem={"cause": problem.cause, "next_step": problem.next_step} if problem else {},
        done=done,
        **look,
    )


_Look = dict[str, Any]


def _people(application: Application, services: TenantServices, principal: Principal, find: str, page: int) -> _Look:
    wanted = find.casefold()
    found = [
        each
        for each in application.directory.people(services.store.tenant.id)
        if wanted in each.user.casefold() or wanted in each.profile.name.casefold()
    ]
    owns = allowed(principal, "own")
    some, around = _paged("people", found, find, page)
    return {"people": tuple(_person(each, owns) for each in some), **around}


def _person(person: Person, owns: bool) -> PersonRow:
    return PersonRow(
        person.id,
        person.user,
        person.profile.name,
        person.kind,
        person.active,
        person.provisioned,
        tuple(sorted(person.groups)),
        tuple(sorted(person.granted)),
        tuple(sorted(person.roles)),
        owns or OWNER not in person.roles,
    )


def _groups(application: Application, services: TenantServices, _: Principal, find: str, page: int) -> _Look:
    tenant = services.store.tenant.id
    mapped = {name.casefold(): roles for name, roles in application.directory.declaration(tenant).roles.items()}
    counted: dict[str, int] = {}
    for person in application.directory.people(tenant):
        for group in person.groups:
            counted[group] = counted.get(group, 0) + 1
    provisioned = {each.name for each in application.directory.groups(tenant)}
    found = [
        GroupRow(name, counted.get(name, 0), tuple(mapped.get(name.casefold(), ())), name in provisioned)
        for name in sorted(counted.keys() | provisioned, key=str.casefold)
        if find.casefold() in name.casefold()
    ]
    some, around = _paged("groups", found, find, page)
    return {"groups": tuple(some), **around}


def _keys(application: Application, services: TenantServices, principal: Principal, find: str, page: int) -> _Look:
    tenant, now = services.store.tenant.id, application.clock.now()
    makers = [
        each.user
        for each in application.directory.people(tenant)
        if each.active and (each.kind == "service" or each.user == principal.user)
    ]
    found = [each for each in reversed(application.store.keys(tenant)) if find.casefold() in each.user.casefold()]
    some, around = _paged("keys", found, find, page)
    rows = tuple(_key(each, now, makers) for each in some)
    return {"keys": rows, "makers": tuple(makers), **around}


def _key(key: ApiKey, now: datetime, makers: Collection[str]) -> KeyRow:
    ended = key.expires is not None and key.expires <= now
    return KeyRow(
        key.id,
        key.user,
        tuple(sorted(key.groups)),
        tuple(sorted(key.roles)),
        tuple(sorted(key.scopes or ())),
        key.created,
        key.expires,
        ended,
        key.reason,
        key.user in makers and not ended and not key.reason,
    )


def _sessions(application: Application, services: TenantServices, _: Principal, find: str, page: int) -> _Look:
    found = [
        SessionRow(each.id, each.user, each.means, each.begun, each.seen, each.ends)
        for each in application.sessions.of_tenant(services.store.tenant.id)
        if find.casefold() in each.user.casefold()
    ]
    some, around = _paged("sessions", found, find, page)
    return {"sessions": tuple(some), **around}


def _sign_in(application: Application, services: TenantServices, *_: object) -> _Look:
    tenant = services.store.tenant.id
    declared = application.directory.declaration(tenant)
    provider = declared.sign_in
    keys = sum("provision" in (each.scopes or ()) for each in application.store.keys(tenant))
    shown = SignIn(
        provider.issuer if provider else "",
        provider.client_id if provider else "",
        provider.redirect if provider else "",
        provider.create if provider else False,
        declared.idle.total_seconds() / 60,
        declared.absolute.total_seconds() / 3600,
        dict(declared.roles),
        keys,
    )
    return {"sign_in": shown}


def _retention(application: Application, services: TenantServices, principal: Principal, *_: object) -> _Look:
    from aver.governance.declaration import CLASSES

    governance = services.governance
    declared = governance.declaration()
    due = (
        {each.name: each for each in governance.retention.apply(dry_run=True, most=_LOOKED_AT)}
        if declared.retention
        else {}
    )
    classes = tuple(
        KeptRow(
            name,
            what,
            declared.retention[name].days if name in declared.retention else None,
            due[name].count if name in due else None,
            due[name].held if name in due else 0,
            due[name].more if name in due else False,
        )
        for name, what in CLASSES.items()
    )
    holds = None
    if allowed(principal, "audit"):
        holds = tuple(
            HoldRow(
                each.id,
                each.matter,
                each.reason,
                each.users,
                len(each.documents),
                each.by,
                each.placed,
                each.released,
            )
            for each in reversed(governance.holds.all())
        )[:_ROWS]
    label = declared.label
    regions = None if label.regions is None else tuple(sorted(label.regions))
    here = application.settings.region
    kept = Kept(declared.region, here, label.level, regions, len(declared.classification), classes, holds)
    return {"kept": kept}


def _switches(application: Application, services: TenantServices, *_: object) -> _Look:
    tenant = services.store.tenant.id
    rows = tuple(
        SwitchRow(each.id, each.kind, each.name, each.reason, each.thrown, each.tenant == tenant)
        for each in reversed(switches_of(application, tenant))
    )
    return {"switches": rows}


def _budgets(application: Application, services: TenantServices, *_: object) -> _Look:
    from aver.gateway.budgets import spending

    found = spending(services.grants, application.clock.now())
    rows = [
        BudgetRow(
            each.budget,
            each.period,
            each.value,
            each.unit,
            each.limit,
            spent := each.used + each.reserved + each.abandoned,
            min(1.0, spent / each.limit) if each.limit else 1.0,
        )
        for each in found
    ]
    rows.sort(key=lambda row: -row.share)
    return {"budgets": tuple(rows[:_ROWS]), "total": len(rows)}


def _use(application: Application, services: TenantServices, _: Principal, find: str, page: int) -> _Look:
    from aver.server.persons import standing_of

    use = services.governance.use
    terms = use.terms
    found = [
        UseRow(each["user"], each["active"], each["agreed"])
        for each in standing_of(application, services)
        if find.casefold() in each["user"].casefold()
    ]
    found.sort(key=lambda row: row.agreed is not None)
    some, around = _paged("use", found, find, page)
    shown = Use(terms.digest if terms else "", terms.text if terms else "", use.agreed(), tuple(some))
    return {"use": shown, **around}


def _tenant(application: Application, services: TenantServices, *_: object) -> _Look:
    tenant = services.store.tenant
    people = application.directory.people(tenant.id)
    service = sum(each.kind == "service" for each in people)
    facts = TenantFacts(
        tenant.id,
        tenant.name,
        tenant.created,
        len(people) - service,
        service,
        len(application.store.keys(tenant.id)),
        services.ledger.head().seq,
        fingerprint(services.store.signing_key().public_key()),
        application.settings.environment,
    )
    return {"tenant": facts}


_LOOKS: Mapping[str, Callable[[Application, TenantServices, Principal, str, int], _Look]] = {
    "people": _people,
    "groups": _groups,
    "keys": _keys,
    "sessions": _sessions,
    "sign-in": _sign_in,
    "retention": _retention,
    "switches": _switches,
    "budgets": _budgets,
    "use": _use,
    "tenant": _tenant,
}


def _paged(part: str, found: list[T], find: str, page: int) -> tuple[list[T], _Look]:
    """The rows of one page of a list, and what leads to the others."""
    pages = max(1, -(-len(found) // _ROWS))
    page = min(page, pages)

    def at(number: int) -> str:
        return address("/admin", part=part, find=find, page=number) if 1 <= number <= pages else ""

    rows = found[(page - 1) * _ROWS : page * _ROWS]
    return rows, {"total": len(found), "earlier": at(page - 1), "later": at(page + 1)}
