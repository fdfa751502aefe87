"""API keys over their lives: made, rotated, revoked, each on record; and access taken by breaking the glass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from aver.core.clock import Clock
from aver.core.errors import InvalidInput
from aver.core.principal import OWNER, check_role, user_reader
from aver.evidence import Ledger, StepKind
from aver.policy.access import check_scopes
from aver.store import ApiKey, Store, TenantStore, keys

__all__ = ["GLASS", "LONGEST_GLASS", "ApiKeys"]

GLASS = "break-glass"
"""As whom access is taken by breaking the glass."""
LONGEST_GLASS = timedelta(hours=4)
_LONGEST_REASON = 500
_log = logging.getLogger("aver.identity")


class ApiKeys:
    """Those of every tenant. ``enter`` gives a tenant's data and evidence by its name or id; ``changed`` is told when one stops to open
    anything; ``known_roles`` gives roles back that there are. Blocking."""

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

    def create(
        self,
        tenant: str,
        user: str,
        groups: Iterable[str] = (),
        roles: Iterable[str] = (),
        scopes: Iterable[str] = (),
        lifetime: timedelta | None = None,
        by: str = "",
    ) -> tuple[ApiKey, str]:
        """A new key and its secret. ``scopes`` are the only permissions it is for, ``lifetime`` how long it opens anything.
        :class:`~aver.core.errors.InvalidInput` for a role or a scope that there is not."""
        self._enter(tenant)
        only = check_scopes(scopes)
        expires = None if lifetime is None else self._clock.now() + _positive(lifetime)
        key, secret = self._store.create_key(tenant, user, groups, self._known_roles(roles), only, expires)
        self._recorded(key, "key_created", {**_facts(key), "expires": expires is not None}, by)
        return key, secret

    def rotate(self, tenant: str, key: str, overlap: timedelta = timedelta(0), by: str = "") -> tuple[ApiKey, str]:
        """A new key in place of one, for the same and as long, and its secret. The old one opens things for ``overlap`` more, so that
        whoever has it can change over."""
        if overlap < timedelta(0):
            raise InvalidInput("A key cannot have ended before now", "Give an overlap of 0 or more.")
        store, ledger = self._enter(tenant)
        now, owner = self._clock.now(), store.tenant.id
        with self._store.begin() as tx:
            old = keys.get(tx, owner, key)
            if old.reason:
                raise InvalidInput("Access by breaking the glass is not prolonged", "Break it again, and say why.")
            if old.expires is not None and old.expires <= now:
                raise InvalidInput("The key has expired", "Make another: aver keys create.")
            lifetime = old.expires - old.created if old.expires else None
            new, secret = keys.issue(tx, old.principal, now, now + lifetime if lifetime else None)
            if overlap:
                keys.expire(tx, old, now + overlap)
            else:
                keys.revoke(tx, owner, key)
            with store.begin() as recording:
                _append(ledger, recording, "key_created", new, {**_facts(new), "after": old.id}, by)
                ends = {**_facts(old), "overlap_s": int(overlap.total_seconds())}
                _append(ledger, recording, "key_revoked", old, ends, by)
        self._changed()
        return new, secret

    def revoke(self, tenant: str, key: str, by: str = "") -> None:
        """End a key at once; :class:`~aver.core.errors.NotFound` when the tenant has none such. It has ended before anything is recorded:
        where evidence cannot be written, that is no reason to leave it open."""
        store, ledger = self._enter(tenant)
        with self._store.read() as tx:
            old = keys.get(tx, store.tenant.id, key)
        self._store.revoke_key(tenant, key)
        self._changed()
        with store.begin() as tx:
            _append(ledger, tx, "key_revoked", old, _facts(old), by)

    def break_glass(self, tenant: str, reason: str, lifetime: timedelta, by: str) -> tuple[ApiKey, str]:
        """An owner's key for a while, for whoever stands at the machine when nobody else can help. It is in evidence and in the log, with
        the reason, before it opens anything, and is shown on every page of the console while it does."""
        if not reason.strip() or len(reason) > _LONGEST_REASON or not reason.isprintable():
            raise InvalidInput(
                "Whoever breaks the glass says why", f"Give a reason of up to {_LONGEST_REASON} characters."
            )
        if not timedelta(0) < lifetime <= LONGEST_GLASS:
            raise InvalidInput("The glass is broken for up to four hours", "Break it again if they are not enough.")
        self._enter(tenant)
        expires = self._clock.now() + lifetime
        key, secret = self._store.create_key(tenant, GLASS, (), (OWNER,), (), expires, reason)
        self._recorded(key, "glass_broken", {"key": key.id, "minutes": lifetime.total_seconds() / 60}, by)
        said = {"tenant": key.tenant, "key": key.id, "by": by, "reason": reason, "until": expires.isoformat()}
        _log.critical("the glass is broken", extra=said)
        return key, secret

    def signed_in(self, key: ApiKey) -> None:
        """Record that a session was begun with a key."""
        store, ledger = self._enter(key.tenant)
        with store.begin() as tx:
            facts = {"key": key.id, "with": "glass" if key.reason else "key"}
            _append(ledger, tx, "signed_in", key, facts, key.user)

    def broken(self, tenant: str) -> list[ApiKey]:
        """Access that was taken by breaking the glass and has not ended."""
        now: datetime = self._clock.now()
        held = self._store.keys(tenant)
        return [each for each in held if each.reason and each.expires is not None and each.expires > now]

    def _recorded(self, key: ApiKey, kind: StepKind, facts: dict[str, Any], by: str) -> None:
        store, ledger = self._enter(key.tenant)
        try:
            with store.begin() as tx:
                _append(ledger, tx, kind, key, facts, by)
        except BaseException:
            # A key that nothing records must not work.
            self._store.revoke_key(key.tenant, key.id)
            raise


def _append(ledger: Ledger, tx: Any, kind: StepKind, key: ApiKey, facts: dict[str, Any], by: str) -> None:
    body: dict[str, Any] = {
        "user": key.user,
        "groups": sorted(key.groups),
        "roles": sorted(key.roles),
        "scopes": _listed(key.scopes),
        "by": by,
    }
    if key.reason:
        body["reason"] = key.reason
    ledger.append(tx, turn=key.id, kind=kind, subject=user_reader(key.user), facts=facts, body=body)


def _facts(key: ApiKey) -> dict[str, Any]:
    return {"key": key.id, "groups": len(key.groups), "roles": len(key.roles), "scopes": len(key.scopes or ())}


def _listed(names: Collection[str] | None) -> list[str]:
    return sorted(names or ())


def _positive(lifetime: timedelta) -> timedelta:
    if lifetime <= timedelta(0):
        raise InvalidInput("A key that has expired already opens nothing", "Give it a day or more.")
    return lifetime
