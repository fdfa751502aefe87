"""Values taken out of a text and put back for those who may have them: tokens that mean nothing outside the tenant.

A token is ``⟦PERSON_1_K7Q2MA⟧``: what kind of value, which of its kind in the conversation, and a tag that only this tenant can make. An
equal value of one person has the same token all through a conversation, so that a model can tell people apart; the tag keeps a hostile text
from naming a token it was never shown. Values are encrypted under the data key of the person whose turn it is: erasing that person makes
them unreadable with everything else.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from aver.core import Clock, Principal, canonical_json, rfc3339
from aver.core.errors import NotFound
from aver.evidence.keys import DataKey, Keyring, decrypt, encrypt
from aver.guard.redaction import replaced
from aver.guard.store import vaulted_values as rows
from aver.guard.types import Finding
from aver.guard.values import Leaf, mapped
from aver.store import TenantStore

__all__ = ["Permit", "Restored", "Vault", "anyone_of_the_tenant"]

Permit = Callable[[Principal, str], bool]
"""Whether a principal may be given back values of a kind."""

_TAG = 6
"""Characters of base 32: one guess in a billion hits, and only for a token whose kind and number are right too."""
_LONGEST_KIND = 30
_TOKEN = re.compile(
    r"(?:(?P<open>(?:\\u27e6|⟦|\[\[?|【)\s?)|(?<![A-Za-z0-9]))"
    r"(?P<kind>[A-Z](?:\\?_?[A-Z0-9]){0,39}?)\\?[_ -](?P<number>\d{1,6})\\?[_ -](?P<tag>[A-Z2-7]{6})(?![A-Za-z0-9])"
    r"(?(open)(?:\s?(?:\\u27e7|⟧|\]\]?|】))?)",
    re.IGNORECASE,
)
"""As it was written, and as models write it: other brackets or none, small letters, escaped for Markdown or JSON."""


_UNLIKE = re.compile(r"[^A-Z0-9]+")


def anyone_of_the_tenant(principal: Principal, kind: str) -> bool:  # noqa: ARG001 - a permit's
    """The permit that asks for nothing more than to be of the tenant, which the vault asks for anyway."""
    return True


@dataclass(frozen=True, slots=True)
class Restored:
    """What was given, with values put back. ``kept`` counts tokens that stayed: not permitted, or erased."""

    value: Any
    restored: int
    kept: int


class Vault:
    """The values of one tenant's conversations."""

    def __init__(self, store: TenantStore, clock: Clock, permit: Permit) -> None:
        self._store = store
        self._clock = clock
        self._permit = permit
        master = store.master_key()
        self._keys = Keyring(store.tenant.id, master)
        self._tags = hmac.digest(master, b"aver vault tags", "sha256")

    def redact(self, principal: Principal, conversation: str, text: str, findings: Sequence[Finding]) -> str:
        """``text`` with a token in place of each finding. ``findings`` are in order and do not overlap.

        One transaction, or none where nothing was found. Raises :class:`~aver.core.errors.NotFound` for a principal of another tenant.
        """
        self._require_mine(principal)
        if not findings:
            return text
        with self._store.begin() as tx:
            key = self._keys.provide(tx, [principal.subject])[principal.subject]
            tokens = self._provide(tx, key, conversation, [_valued(text, each) for each in findings])
        return replaced(text, findings, lambda each: f"⟦{tokens[_valued(text, each)]}⟧")

    def restore(self, principal: Principal, conversation: str, value: Any) -> Restored:
        """``value``, a text or any JSON such as the arguments of a tool, with the values of this conversation's tokens of the kinds that
        ``principal`` may have. Other tokens stay, and names of fields do. Raises as :meth:`redact` does, and
        :class:`~aver.core.errors.TooLarge` for what is nested more than 200 deep."""
        self._require_mine(principal)
        written: set[str] = set()
        mapped(value, lambda _, leaf: written.update(map(_token, _TOKEN.finditer(str(leaf)))))
        values = self._open(conversation, written) if written else {}
        counts = {True: 0, False: 0}

        def put_back(match: re.Match[str]) -> str:
            if (token := _token(match)) not in values:
                return match[0]
            kind, found = values[token]
            may = found is not None and self._permit(principal, kind)
            counts[may] += 1
            return found if may and found is not None else match[0]

        def change(_: str, leaf: Leaf) -> Leaf:
            return _TOKEN.sub(put_back, leaf) if isinstance(leaf, str) else leaf

        return Restored(mapped(value, change), counts[True], counts[False])

    def forget(self, conversation: str) -> int:
        """Delete the values of a conversation; how many there were."""
        with self._store.begin() as tx:
            return tx.execute(delete(rows).where(rows.c.conversation == conversation)).rowcount

    def _require_mine(self, principal: Principal) -> None:
        if principal.tenant != self._store.tenant.id:
            raise NotFound("There is no such conversation, or it is not yours", "Check the tenant.")

    def _provide(
        self, tx: Connection, key: DataKey, conversation: str, values: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], str]:
        lookups = {each: _lookup(key, conversation, *each) for each in dict.fromkeys(values)}
        mine = rows.c.conversation == conversation
        known: dict[str, str] = {}
        wanted = list(lookups.values())
        for start in range(0, len(wanted), 500):
            query = select(rows.c.lookup, rows.c.token).where(mine, rows.c.lookup.in_(wanted[start : start + 500]))
            known |= {row.lookup: row.token for row in tx.execute(query)}
        highest = select(rows.c.kind, func.max(rows.c.number)).where(mine).group_by(rows.c.kind)
        last: dict[str, int] = {row[0]: row[1] for row in tx.execute(highest)}
        made = []
        for (kind, value), lookup in lookups.items():
            if lookup not in known:
                last[kind] = number = last.get(kind, 0) + 1
                token = known[lookup] = f"{kind}_{number}_{self._tag(conversation, kind, number)}"
                row = {"conversation": conversation, "token": token, "kind": kind, "number": number, "lookup": lookup}
                row["subject"] = key.subject
                content = encrypt(_own(key), value.encode("utf-8", "surrogatepass"), _bound(self._store, row))
                made.append(row | {"content": content, "created": rfc3339(self._clock.now())})
        if made:
            tx.execute(insert(rows), made)
        return {each: known[lookup] for each, lookup in lookups.items()}

    def _open(self, conversation: str, written: set[str]) -> dict[str, tuple[str, str | None]]:
        """Kind and value of each of these tokens that exists; ``None`` for a value that can be read no more."""
        wanted = sorted(written)
        found: dict[str, tuple[str, str | None]] = {}
        with self._store.read() as tx:
            for start in range(0, len(wanted), 500):
                some = rows.c.token.in_(wanted[start : start + 500])
                query = select(rows).where(rows.c.conversation == conversation, some)
                taken = [dict(row._mapping) for row in tx.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it
                keys = self._keys.open(tx, {row["subject"] for row in taken})
                for row in taken:
                    key = keys.get(row["subject"])
                    plain = key and decrypt(_own(key), row["content"], _bound(self._store, row))
                    value = plain.decode("utf-8", "surrogatepass") if plain is not None else None
                    found[row["token"]] = (row["kind"], value)
        return found

    def _tag(self, conversation: str, kind: str, number: int) -> str:
        digest = hmac.digest(self._tags, canonical_json([conversation, kind, number]), "sha256")
        return base64.b32encode(digest).decode()[:_TAG]


def _valued(text: str, finding: Finding) -> tuple[str, str]:
    """The finding's kind in letters that a token may have, and its value."""
    kind = _UNLIKE.sub("_", finding.kind.upper())[:_LONGEST_KIND].strip("_")
    return kind if kind[:1].isalpha() else f"VALUE_{kind}".strip("_"), text[finding.start : finding.end]


def _token(match: re.Match[str]) -> str:
    kind = match["kind"].replace("\\", "")
    return f"{kind}_{match['number']}_{match['tag']}".upper()


def _own(key: DataKey) -> bytes:
    return hmac.digest(key.secret, b"aver vault\x01", "sha256")


def _lookup(key: DataKey, conversation: str, kind: str, value: str) -> str:
    said = f"{conversation}\0{kind}\0{value}".encode("utf-8", "surrogatepass")
    return hmac.digest(_own(key), said, "sha256").hex()


def _bound(store: TenantStore, row: Mapping[str, Any]) -> bytes:
    return canonical_json([store.tenant.id, row["conversation"], row["token"], row["subject"]])
