"""The people of a tenant, changed: each change is evidence, holds for every process at once, and leaves somebody who owns the tenant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Connection

from aver.core.clock import Clock
from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.ids import new_id
from aver.core.principal import Principal, check_role, group_reader, user_reader
from aver.evidence import Draft, Ledger
from aver.identity.declaration import Declaration
from aver.store import Group, Person, PersonKind, Profile, Store, TenantStore, people

__all__ = ["Change", "Directory", "LastOwner"]

NOBODY = Profile()
"""Of whom nothing is known but the user's name."""
Event = Literal["added", "changed", "deactivated", "reactivated", "removed", "granted", "claimed"]


class LastOwner(Conflict):
    """Without this person nobody would own the tenant."""

    slug = "last-owner"

    def __init__(self) -> None:
        super().__init__("This is the tenant's last owner", "Make somebody else owner first: aver people grant.")


@dataclass
class Change:
    """Changes of one tenant that are made together or not at all. ``by`` is who makes them, as evidence names it."""

    tx: Connection
    tenant: str
    by: str
    clock: Clock
    known_roles: Callable[[Iterable[str]], Iterable[str]]
    drafts: list[Draft] = field(default_factory=list)

    def add(
        self,
        user: str,
        profile: Profile = NOBODY,
        *,
        kind: PersonKind = "person",
        active: bool = True,
        provisioned: bool = False,
        external: str = "",
    ) -> Person:
        """Somebody new, without roles; :class:`~aver.core.errors.Conflict` when the name is taken."""
        now = self.clock.now()
        person = Person(
            new_id("person"), self.tenant, user, kind, active, provisioned, profile, external, "", "", now, now
        )
        people.add(self.tx, person)
        self._tell("added", person, kind=kind)
        return person

    def get(self, reference: str) -> Person:
        """Somebody by id or user name; :class:`~aver.core.errors.NotFound` when there is nobody such."""
        return people.get(self.tx, self.tenant, reference)

    def save(self, person: Person) -> Person:
        """Keep what differs from what is known of somebody; roles, groups and claims are not among it."""
        before = people.get(self.tx, self.tenant, person.id)
        if replace(person, changed=before.changed) == before:
            return before
        person = replace(person, changed=self.clock.now())
        if before.user != person.user:
            # What was made in the old name would be nobody's, and somebody else's once the name is given again.
            people.end_access(self.tx, before)
        people.save(self.tx, person)
        event: Event = "changed"
        if before.active != person.active:
            event = "reactivated" if person.active else "deactivated"
        self._tell(event, person, renamed=before.user != person.user)
        return person

    def grant(self, person: Person, roles: Iterable[str]) -> Person:
        """Give somebody these roles, and no others, here; :class:`~aver.core.errors.InvalidInput` for one that there is not."""
        wanted = frozenset(self.known_roles(roles))
        if wanted == person.granted:
            return person
        people.grant(self.tx, person.id, wanted)
        return self._now(person, "granted")

    def claim(self, person: Person, groups: Collection[str], roles: Collection[str]) -> Person:
        """Keep what the identity provider says of somebody, in place of what it said before."""
        for each in (*groups, *roles):
            group_reader(each)
        if frozenset(groups) == person.groups and frozenset(roles) == person.claimed_roles:
            return person
        people.claim(self.tx, person.id, groups, roles)
        return self._now(person, "claimed")

    def remove(self, person: Person) -> None:
        """Forget somebody, and end their sessions and API keys."""
        people.remove(self.tx, person)
        self._tell("removed", person)

    def signed_in(self, person: Person) -> None:
        """Somebody begins a session."""
        facts, body = {"person": person.id, "with": "provider"}, {"user": person.user, "by": person.user}
        self.drafts.append(Draft(person.id, "signed_in", user_reader(person.user), facts, body))

    def add_group(self, name: str, external: str = "") -> Group:
        """A new group without members; :class:`~aver.core.errors.Conflict` when the name is taken."""
        now = self.clock.now()
        group = Group(new_id("group"), self.tenant, name, external, now, now)
        people.add_group(self.tx, group)
        self._tell_group("added", group)
        return group

    def save_group(self, group: Group) -> Group:
        """Keep what differs from what is known of a group, its members included."""
        before = people.get_group(self.tx, self.tenant, group.id)
        group = replace(group, members=tuple(sorted(set(group.members))))
        if replace(group, changed=before.changed) == before:
            return before
        group = replace(group, changed=self.clock.now())
        people.rename_group(self.tx, group)
        people.set_members(self.tx, before, group.members)
        joined, left = set(group.members) - set(before.members), set(before.members) - set(group.members)
        self._tell_group("changed", group, joined=sorted(joined), left=sorted(left))
        return group

    def remove_group(self, group: Group) -> None:
        people.remove_group(self.tx, group)
        self._tell_group("removed", group)

    def declare(self, declaration: Declaration) -> None:
        """Keep what the tenant declares of its identity provider, in place of what it declared before."""
        declared = declaration.plain()
        people.declare(self.tx, self.tenant, declared, self.clock.now())
        facts = {"sign_in": declaration.sign_in is not None, "roles": len(declaration.roles)}
        self.drafts.append(Draft(new_id("identity"), "identity_declared", None, facts, {**declared, "by": self.by}))

    def _now(self, person: Person, event: Event) -> Person:
        """Somebody with the roles that they have now, which evidence tells."""
        now = people.get(self.tx, self.tenant, person.id)
        self._tell(event, now, roles=sorted(now.roles), before=sorted(person.roles), groups=len(now.groups))
        return now

    def _tell(self, event: Event, person: Person, **facts: Any) -> None:
        facts = {"person": person.id, "event": event, "active": person.active, **facts}
        body = {"user": person.user, "groups": sorted(person.groups), "granted": sorted(person.granted), "by": self.by}
        self.drafts.append(Draft(person.id, "person_changed", user_reader(person.user), facts, body))

    def _tell_group(self, event: Event, group: Group, joined: Collection[str] = (), left: Collection[str] = ()) -> None:
        facts = {"group": group.id, "event": event, "members": len(group.members)}
        body = {"name": group.name, "joined": list(joined), "left": list(left), "by": self.by}
        self.drafts.append(Draft(group.id, "group_changed", None, facts, body))


class Directory:
    """The people of every tenant. ``enter`` gives a tenant's data and evidence by its id; ``changed`` is told after each change, so that what
    this process remembers of API keys is forgotten; ``known_roles`` gives roles back that there are. Blocking; tenants are given by id."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        enter: Callable[[str], tuple[TenantStore, Ledger]],
        changed: Callable[[], None] = lambda: None,
        known_roles: Callable[[Iterable[str]], Iterable[str]] = lambda roles: map(check_role, roles),
    ) -> None:
        self._store = store
        self._clock = clock
        self._enter = enter
        self._changed = changed
        self._known_roles = known_roles

    @contextmanager
    def change(self, tenant: str, by: str, *, leaving_none: bool = False) -> Iterator[Change]:
        """A transaction over the tenant's people. Its evidence is written before it commits, so that nothing is given that nothing records.
        Raises :class:`LastOwner` instead of leaving a tenant that had an owner without one who is active, unless ``leaving_none``."""
        if not by:
            raise InvalidInput("A change of people is somebody's", "Say whose.")
        data, ledger = self._enter(tenant)
        with self._store.begin() as tx:
            owned = people.has_owner(tx, tenant)
            change = Change(tx, tenant, by, self._clock, self._known_roles)
            yield change
            if not change.drafts:
                return
            if owned and not leaving_none and not people.has_owner(tx, tenant):
                raise LastOwner
            with data.begin() as recording:
                ledger.append_all(recording, change.drafts)
        self._changed()

    def people(self, tenant: str, **equal: str) -> list[Person]:
        """Everybody, oldest first; with ``equal`` those of whom a column has this value."""
        with self._store.read() as tx:
            return people.of_tenant(tx, tenant, **equal)

    def count(self, tenant: str) -> int:
        """How many people may sign in."""
        with self._store.read() as tx:
            return people.count_active(tx, tenant)

    def person(self, tenant: str, reference: str) -> Person:
        """Somebody by id or user name; :class:`~aver.core.errors.NotFound` when there is nobody such."""
        with self._store.read() as tx:
            return people.get(tx, tenant, reference)

    def find(self, tenant: str, user: str) -> Person | None:
        """Somebody by user name."""
        with self._store.read() as tx:
            return people.find(tx, tenant, user)

    def today(self, principal: Principal) -> Principal:
        """``principal`` with what is left today of their groups and roles; as they are, whom the tenant does not know.
        :class:`~aver.core.errors.NotFound` for somebody who may not act any more."""
        person = self.find(principal.tenant, principal.user)
        if person is None:
            return principal
        if not person.active:
            raise NotFound("Whoever asked may not act any more", "Ask an admin of your tenant.")
        now = person.principal
        return replace(principal, groups=principal.groups & now.groups, roles=principal.roles & now.roles)

    def memberships(self, tenant: str, persons: Collection[str]) -> dict[str, list[Group]]:
        """The groups of people by their ids, without the groups' members."""
        with self._store.read() as tx:
            return people.memberships(tx, tenant, persons)

    def groups(self, tenant: str, **equal: str) -> list[Group]:
        """All groups, oldest first; with ``equal`` those of which a column has this value."""
        with self._store.read() as tx:
            return people.groups_of(tx, tenant, **equal)

    def group(self, tenant: str, reference: str) -> Group:
        """A group by its id; :class:`~aver.core.errors.NotFound` when there is none."""
        with self._store.read() as tx:
            return people.get_group(tx, tenant, reference)

    def declaring(self) -> dict[str, str]:
        """The issuers of the tenants that people sign in to through a provider, by the tenant's id."""
        with self._store.read() as tx:
            declared = {tenant: Declaration.of(each).sign_in for tenant, each in people.declarations(tx).items()}
        return {tenant: sign_in.issuer for tenant, sign_in in declared.items() if sign_in is not None}

    def declaration(self, tenant: str) -> Declaration:
        """What the tenant declares of its identity provider."""
        with self._store.read() as tx:
            return Declaration.of(people.declaration(tx, tenant))
