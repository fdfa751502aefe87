"""Memory: values kept for a user between turns, each with the origin it had when it was kept.

A value is in evidence alone, under the user's key, so an erasure takes it along. It comes back as data, never as something the user says
now: what the user said then is the tenant's own data in a later turn, what came from untrusted content is as untrusted in every one.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select

from aver.agents.acting.journal import Journal
from aver.agents.acting.store import memories
from aver.agents.blocking import whole
from aver.agents.tools import Result
from aver.core import Principal, canonical_json, new_id
from aver.core.errors import InvalidInput, NotFound, TooLarge
from aver.core.labels import ANYTHING, combined
from aver.evidence import Draft
from aver.policy import Annotations, Effect, Origin, OriginKind, origin_from, origin_to

__all__ = ["Memory", "Remember", "Remembered", "carried", "weakest"]

_MOST = 200
_LARGEST = 10_000
_TRUST: Sequence[OriginKind] = ("user", "chosen", "mentioned", "trusted", "unknown", "referred", "named", "untrusted")
"""From most to least, by who wrote the value and not by what it was wanted for: what is ``named`` others may have written."""


@dataclass(frozen=True, slots=True)
class Remembered:
    name: str
    value: Any
    origin: Origin


class Memory:
    """One tenant's memories of its users. Blocking."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def remember(self, principal: Principal, name: str, value: Any, origins: Sequence[Origin], turn: str = "") -> None:
        """Keep ``value`` under ``name`` in place of what was kept there. Of several ``origins`` the least trusted counts, and only who may
        read all of them may read it; none is unknown. Raises :class:`InvalidInput` and :class:`TooLarge`."""
        if not name or len(name) > 100 or not name.isprintable():
            raise InvalidInput("A memory has a name of 1 to 100 printable characters", "Choose another name.")
        try:
            size = len(canonical_json(value))
        except (TypeError, ValueError, RecursionError):
            raise InvalidInput("Only JSON can be remembered", "Pass text, numbers, lists or objects.") from None
        if size > _LARGEST:
            raise TooLarge(f"The value takes {size:,} bytes of {_LARGEST:,}", "Remember less of it.")
        owner, hidden = self._journal.owner(principal), self._hidden(name)
        memory, origin = new_id("memory"), weakest(origins)
        facts = {"origin": origin.kind, "bytes": size, "turn": turn or None}
        if origin.label != ANYTHING:
            facts |= origin.label.facts()
        body = {"name": name, "value": value, "origin": origin_to(origin)}
        same = (memories.c.owner == owner, memories.c.name == hidden)
        with self._journal.store.begin() as tx:
            tx.execute(delete(memories).where(*same))
            kept = tx.execute(select(func.count()).where(memories.c.owner == owner)).scalar_one()
            if kept >= _MOST:
                raise TooLarge(f"{_MOST} values are remembered, and no more can be", "Forget some.")
            tx.execute(insert(memories), {"id": memory, "owner": owner, "name": hidden})
            self._journal.ledger.append_all(tx, [Draft(memory, "remembered", principal.subject, facts, body)])

    def recall(self, principal: Principal, most: int | None = None) -> list[Remembered]:
        """What is remembered of ``principal`` that they may still read, oldest first, the newest where it takes more than ``most`` bytes;
        what was erased is gone."""
        query = select(memories.c.id).where(memories.c.owner == self._journal.owner(principal)).order_by(memories.c.id)
        with self._journal.store.read() as tx:
            ids = list(tx.execute(query).scalars())
        found: list[Remembered] = []
        for steps in reversed(self._journal.ledger.turns(ids).values()):
            body = steps[0].body
            if body is None:
                continue
            if most is not None and (most := most - len(canonical_json([body["name"], body["value"]]))) < 0:
                break
            origin = origin_from(body["origin"])
            if origin.readers is None or origin.readers & principal.readers:
                found.append(Remembered(body["name"], body["value"], origin))
        return found[::-1]

    def forget(self, principal: Principal, name: str) -> None:
        """Let a value go; :class:`NotFound` where there is none. What evidence says of it stays until the user is erased."""
        same = (memories.c.owner == self._journal.owner(principal), memories.c.name == self._hidden(name))
        with self._journal.store.begin() as tx:
            memory = tx.execute(select(memories.c.id).where(*same)).scalar()
            if memory is None:
                raise NotFound("Nothing is remembered under this name", "See what is remembered.")
            tx.execute(delete(memories).where(*same))
            self._journal.ledger.append_all(tx, [Draft(memory, "forgotten", principal.subject, {}, {"name": name})])

    def _hidden(self, name: str) -> str:
        message = b"aver memory name\0" + name.encode("utf-8", "surrogatepass")
        return hmac.digest(self._journal.store.master_key(), message, "sha256").hex()


def weakest(origins: Sequence[Origin]) -> Origin:
    """The one origin of what was made of several: the least trusted of them, readable by who may read all, with the label of all."""
    if not origins:
        return Origin("unknown")
    least = max(origins, key=lambda origin: _TRUST.index(origin.kind))
    limits = [origin.readers for origin in origins if origin.readers is not None]
    readers = frozenset.intersection(*limits) if limits else None
    return Origin(least.kind, least.step, readers, combined(origin.label for origin in origins))


def carried(origin: Origin) -> Origin:
    """The origin that a remembered value has in another turn. No authority comes with it: what its user said then they do not say now, and
    what their words picked out then nothing picks out now."""
    mine = _TRUST.index(origin.kind) <= _TRUST.index("trusted")
    return Origin("trusted" if mine else "untrusted", origin.step, origin.readers, origin.label)


class Remember:
    """The tool by which a model keeps something for its user. ``origins`` is the turn's tracker, asked about the value: the model does not
    get to say where it came from."""

    name = "remember"
    description = "Keep a value under a name for later turns of this user."
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 100}, "value": {"type": "string"}},
        "required": ["name", "value"],
        "additionalProperties": False,
    }
    returns: Mapping[str, Any] | None = None
    annotations: Annotations = Annotations(frozenset({Effect.WRITE}), content=("value",), output="trusted")
    idempotent = True

    def __init__(self, memory: Memory, principal: Principal, origins: Callable[[Any], Sequence[Origin]]) -> None:
        self._memory = memory
        self._principal = principal
        self._origins = origins

    async def call(self, arguments: Mapping[str, Any], key: str) -> Result:
        turn, value = key.partition("-")[0], arguments["value"]
        of = await whole(self._origins, value)
        try:
            await whole(self._memory.remember, self._principal, arguments["name"], value, of, turn)
        except InvalidInput as error:
            return Result(None, str(error), failed=True)
        return Result(None, "Remembered.")
