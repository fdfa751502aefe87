"""API keys: a secret that stands for a user of a tenant. Each function works within the caller's control transaction."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from aver.core.canonical import sha256_hex
from aver.core.clock import rfc3339
from aver.core.errors import NotFound, Unauthenticated
from aver.core.ids import new_id
from aver.core.principal import Principal
from aver.store import people
from aver.store.control import api_keys
from aver.store.types import ApiKey

__all__ = ["alive", "authenticate", "expire", "get", "issue", "of_tenant", "revoke", "revoke_user"]

_PREFIX = "aver_"
"""So that people and secret scanners recognise a leaked key."""


def issue(
    tx: Connection, principal: Principal, now: datetime, expires: datetime | None = None, reason: str = ""
) -> tuple[ApiKey, str]:
    """A new key for ``principal``, whose tenant is an id, and its secret of 256 random bits, which is stored nowhere."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        new_id("key"),
        principal.tenant,
        principal.user,
        principal.groups,
        principal.roles,
        now,
        principal.scopes,
        expires,
        reason,
    )
    row = {
        "id": key.id,
        "tenant": key.tenant,
        "digest": _digest(secret),
        "user": key.user,
        "groups": sorted(key.groups),
        "roles": sorted(key.roles),
        "scopes": sorted(key.scopes or ()),
        "created": rfc3339(now),
        "expires": rfc3339(expires) if expires else "",
        "reason": reason,
    }
    tx.execute(insert(api_keys), row)
    return key, secret


def authenticate(tx: Connection, secret: str, now: datetime) -> ApiKey:
    """The key whose secret this is, as far as it reaches now; :class:`Unauthenticated` when there is none, or it has expired, or whose it
    is may not act any more.

    Takes the same steps for every secret. A plain digest is enough to store: 256 random bits cannot be guessed from it,
    and what the look-up's timing tells is about digests, which nobody can steer.
    """
    digest = _digest(secret)
    row = tx.execute(select(api_keys).where(api_keys.c.digest == digest)).one_or_none()
    if not hmac.compare_digest(row.digest if row else "", digest) or row is None:
        raise _invalid()
    return alive(tx, _key(row), now)


def alive(tx: Connection, key: ApiKey, now: datetime) -> ApiKey:
    """``key`` with the groups and roles that it reaches now; :class:`Unauthenticated` when it opens nothing any more.

    Of somebody whom the tenant knows, a key gives no more than they have today: what it names of groups and roles it is narrowed
    to, and naming none it has all of theirs. Of anybody else it gives what it was made with.
    """
    if key.expires is not None and key.expires <= now:
        raise _invalid()
    person = None if key.reason else people.find(tx, key.tenant, key.user)
    if person is None:
        return key
    if not person.active:
        raise _invalid()
    today = person.principal
    groups = today.groups & key.groups if key.groups else today.groups
    roles = today.roles & key.roles if key.roles else today.roles
    return replace(key, user=person.user, groups=groups, roles=roles)


def get(tx: Connection, tenant: str, key: str) -> ApiKey:
    """The key with this id; :class:`NotFound` when the tenant has none such."""
    named = select(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.id == key)
    row = tx.execute(named).one_or_none() if key.isprintable() else None
    if row is None:
        raise _unknown()
    return _key(row)


def expire(tx: Connection, key: ApiKey, at: datetime) -> None:
    """Let a key end then, unless it ends earlier."""
    if key.expires is None or at < key.expires:
        tx.execute(update(api_keys).where(api_keys.c.id == key.id).values(expires=rfc3339(at)))


def of_tenant(tx: Connection, tenant: str) -> list[ApiKey]:
    """All keys of the tenant with this id, oldest first."""
    rows = tx.execute(select(api_keys).where(api_keys.c.tenant == tenant).order_by(api_keys.c.id))
    return [_key(row) for row in rows]


def revoke(tx: Connection, tenant: str, key: str) -> None:
    """End the key with this id; :class:`NotFound` when the tenant has none such."""
    gone = tx.execute(delete(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.id == key))
    if gone.rowcount == 0:
        raise _unknown()


def revoke_user(tx: Connection, tenant: str, user: str) -> int:
    """End all keys of a user; how many there were."""
    return tx.execute(delete(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.user == user)).rowcount


def _digest(secret: str) -> str:
    return sha256_hex(secret.encode("utf-8", "surrogatepass"))


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id,
        row.tenant,
        row.user,
        frozenset(row.groups),
        frozenset(row.roles),
        datetime.fromisoformat(row.created),
        frozenset(row.scopes) or None,
        datetime.fromisoformat(row.expires) if row.expires else None,
        row.reason,
    )


def _invalid() -> Unauthenticated:
    return Unauthenticated("The API key is missing or not valid", "Create one: aver keys create.")


def _unknown() -> NotFound:
    return NotFound("There is no such key, or it is not yours", "List them: aver keys list.")
