"""What people agree to before they ask: whether they have, to the text that is in force now."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from aver.core.clock import Clock, rfc3339
from aver.core.errors import Conflict, Forbidden, InvalidInput
from aver.core.ids import new_id
from aver.core.principal import Principal, user_reader
from aver.evidence import Draft, Ledger
from aver.governance.declaration import Declaration, Terms
from aver.governance.store import acknowledgements
from aver.store import TenantStore

__all__ = ["AcceptableUse", "Agreement", "MustAcknowledge"]


class MustAcknowledge(Forbidden):
    """The tenant has rules of use that the caller has not agreed to."""

    slug = "acknowledgement-required"

    def __init__(self) -> None:
        super().__init__(
            "Your organisation asks you to agree to its rules of use first",
            "Read them at GET /v1/acceptable-use, or on the page /acceptable-use, and agree.",
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """Where somebody stands: ``digest`` names the text in force, empty where there is none; ``at`` is when they agreed to it."""

    digest: str
    at: datetime | None

    @property
    def needed(self) -> bool:
        return bool(self.digest) and self.at is None


class AcceptableUse:
    """One tenant's. Blocking. Who agreed once is remembered: nobody takes that back but by an erasure, after which nobody is there to ask."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock, declared: Callable[[], Declaration]) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._declared = declared
        self._agreed: set[tuple[str, str]] = set()

    @property
    def terms(self) -> Terms | None:
        """What is in force."""
        return self._declared().terms

    def check(self, principal: Principal) -> None:
        """Raises :class:`MustAcknowledge` unless they agreed to what is in force."""
        terms = self.terms
        if terms is None or (principal.user, terms.digest) in self._agreed:
            return
        if self.of(principal.user).needed:
            raise MustAcknowledge
        self._agreed.add((principal.user, terms.digest))

    def of(self, user: str) -> Agreement:
        """Where a user stands."""
        terms = self.terms
        if terms is None:
            return Agreement("", None)
        mine = (acknowledgements.c.owner == self._owner(user), acknowledgements.c.digest == terms.digest)
        with self._store.read() as tx:
            at = tx.execute(select(acknowledgements.c.at).where(*mine)).scalar()
        return Agreement(terms.digest, datetime.fromisoformat(at) if at else None)

    def standing(self, users: Iterable[str]) -> list[Agreement]:
        """Where each of these users stands, in their order."""
        terms = self.terms
        if terms is None:
            return [Agreement("", None) for _ in users]
        query = select(acknowledgements.c.owner, acknowledgements.c.at).where(acknowledgements.c.digest == terms.digest)
        with self._store.read() as tx:
            agreed = {row.owner: datetime.fromisoformat(row.at) for row in tx.execute(query)}
        return [Agreement(terms.digest, agreed.get(self._owner(user))) for user in users]

    def acknowledge(self, principal: Principal, digest: str) -> Agreement:
        """Agree to the text with this digest, which has to be the one in force: nobody agrees to what they have not been shown. Saying so
        twice is saying it once."""
        terms = self.terms
        if terms is None:
            raise InvalidInput("Your organisation has no rules of use", "There is nothing to agree to.")
        if digest != terms.digest:
            raise Conflict("The rules of use have changed since you read them", "Read them again, then agree.")
        stands = self.of(principal.user)
        if not stands.needed:
            return stands
        now = self._clock.now()
        owner = self._owner(principal.user)
        row = {"owner": owner, "digest": digest, "at": rfc3339(now)}
        draft = Draft(
            new_id("acknowledgement"), "acknowledged", principal.subject, {"terms": digest}, {"user": principal.user}
        )
        with self._store.begin() as tx:
            mine = (acknowledgements.c.owner == owner, acknowledgements.c.digest == digest)
            if tx.execute(select(acknowledgements.c.at).where(*mine)).first() is None:
                tx.execute(insert(acknowledgements), row)
                self._ledger.append_all(tx, [draft])
        return self.of(principal.user)

    def agreed(self) -> int:
        """How many people agreed to the text in force."""
        terms = self.terms
        if terms is None:
            return 0
        with self._store.read() as tx:
            query = select(func.count()).where(acknowledgements.c.digest == terms.digest)
            return int(tx.execute(query).scalar_one())

    def _owner(self, user: str) -> str:
        message = b"aver acknowledgement owner\0" + user_reader(user).encode()
        return hmac.digest(self._store.master_key(), message, "sha256").hex()
