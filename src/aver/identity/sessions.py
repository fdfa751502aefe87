"""Sessions of the console: a secret in a cookie, known here by its digest alone, that ends when it is not used, when it is old, and
at once when whoever it stands for may not act any more.

OWASP's session management guide: a new secret at each sign-in, nothing in it to read, kept on the server so that it can be ended
(https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html).
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from aver.core.canonical import sha256_hex
from aver.core.clock import Clock, rfc3339
from aver.core.errors import AverError, NotFound, Unauthenticated
from aver.core.principal import Principal
from aver.identity.declaration import Declaration
from aver.store import Store, keys, people
from aver.store.control import sessions, spent_sign_ins

__all__ = ["Begun", "Sessions"]

_LONGEST = 200
"""Characters of a cookie worth looking up."""
_SHOWN = 16
"""Characters of a digest by which a session is named: 64 bits tell all of them apart, and open none."""
_WRITTEN = timedelta(seconds=30)
"""How far the moment of last use may lag: it is not written for every request."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A session, without what opens it. ``id`` is the beginning of the digest of its secret; ``user`` whom it stands for; ``means`` how it
    was begun: ``key`` or ``provider``."""

    id: str
    user: str
    means: str
    begun: datetime
    seen: datetime
    ends: datetime


class Sessions:
    """Begins, recognises and ends sessions. Blocking; any process knows every session."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def begin(self, *, key: str = "", tenant: str = "", person: str = "", before: str = "") -> tuple[str, Principal]:
        """The secret of a new session for the holder of an API key, or for the person with this id, and whom it stands for. ``before`` is the
        secret that the browser had until now, whose session ends. Raises :class:`~aver.core.errors.Unauthenticated` when it would
        stand for nobody."""
        now = self._clock.now()
        secret = secrets.token_urlsafe(32)
        with self._store.begin() as tx:
            held = keys.authenticate(tx, key, now) if key else None
            owner = held.tenant if held else tenant
            principal = held.principal if held else _acting(tx, owner, person)
            declared = Declaration.of(people.declaration(tx, owner))
            row = {
                "digest": _digest(secret),
                "tenant": owner,
                "key": held.id if held else "",
                "person": person,
                "begun": rfc3339(now),
                "seen": rfc3339(now),
                "ends": rfc3339(now + declared.absolute),
            }
            tx.execute(insert(sessions), row)
            tx.execute(
                delete(sessions).where((sessions.c.ends <= rfc3339(now)) | (sessions.c.digest == _digest(before)))
            )
        return secret, principal

    def principal(self, secret: str) -> Principal | None:
        """Whom a session stands for now; ``None`` when it has ended, or whoever it stands for may not act."""
        if not 0 < len(secret) <= _LONGEST:
            return None
        now, digest = self._clock.now(), _digest(secret)
        with self._store.read() as tx:
            row = tx.execute(select(sessions).where(sessions.c.digest == digest)).one_or_none()
            if row is None or row.ends <= rfc3339(now):
                return None
            idle = Declaration.of(people.declaration(tx, row.tenant)).idle
            seen = datetime.fromisoformat(row.seen)
            if seen + idle <= now:
                return None
            try:
                if row.key:
                    held = keys.alive(tx, keys.get(tx, row.tenant, row.key), now)
                    principal = held.principal
                else:
                    principal = _acting(tx, row.tenant, row.person)
            except (NotFound, Unauthenticated):
                return None
        if now - seen >= min(_WRITTEN, idle / 4):
            # Where it cannot be written, the session is the shorter for it, and what was asked for is answered.
            with suppress(AverError), self._store.begin() as tx:
                tx.execute(update(sessions).where(sessions.c.digest == digest).values(seen=rfc3339(now)))
        return principal

    def end(self, secret: str) -> None:
        """End a session; of one that has ended already nothing is said."""
        with self._store.begin() as tx:
            tx.execute(delete(sessions).where(sessions.c.digest == _digest(secret)))

    def of_tenant(self, tenant: str) -> list[Begun]:
        """The sessions that have not ended, newest first, of the tenant with this id."""
        now = self._clock.now()
        with self._store.read() as tx:
            idle = Declaration.of(people.declaration(tx, tenant)).idle
            wanted = (
                sessions.c.tenant == tenant,
                sessions.c.ends > rfc3339(now),
                sessions.c.seen > rfc3339(now - idle),
            )
            rows = tx.execute(select(sessions).where(*wanted).order_by(sessions.c.begun.desc())).all()
            named = {each.id: each.user for each in people.of_tenant(tx, tenant)}
            held = {each.id: each.user for each in keys.of_tenant(tx, tenant)}
        return [
            Begun(
                row.digest[:_SHOWN],
                named.get(row.person) or held.get(row.key, ""),
                "key" if row.key else "provider",
                datetime.fromisoformat(row.begun),
                datetime.fromisoformat(row.seen),
                datetime.fromisoformat(row.ends),
            )
            for row in rows
        ]

    def close(self, tenant: str, reference: str) -> Begun:
        """End somebody's session; :class:`~aver.core.errors.NotFound` where the tenant has none such."""
        for each in self.of_tenant(tenant):
            if each.id == reference:
                with self._store.begin() as tx:
                    mine = (sessions.c.tenant == tenant, func.substr(sessions.c.digest, 1, _SHOWN) == reference)
                    tx.execute(delete(sessions).where(*mine))
                return each
        raise NotFound("There is no such session, or it has ended", "See them: GET /v1/sessions.")

    def spend(self, nonce: str, lifetime: timedelta) -> None:
        """Complete the sign-in with this nonce, once; :class:`~aver.core.errors.Unauthenticated` when it was completed before."""
        now = self._clock.now()
        try:
            with self._store.begin() as tx:
                tx.execute(delete(spent_sign_ins).where(spent_sign_ins.c.ends <= rfc3339(now)))
                tx.execute(insert(spent_sign_ins), {"digest": _digest(nonce), "ends": rfc3339(now + lifetime)})
        except IntegrityError:
            raise Unauthenticated("This sign-in was completed before", "Sign in again.") from None


def _acting(tx: Connection, tenant: str, person: str) -> Principal:
    found = people.get(tx, tenant, person)
    if not found.active or found.kind != "person":
        raise Unauthenticated("This account is not active", "Ask an admin of your tenant.")
    return found.principal


def _digest(secret: str) -> str:
    return sha256_hex(secret.encode("utf-8", "surrogatepass"))
