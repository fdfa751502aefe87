"""API keys: a secret that stands for a user of a tenant. Each function works within the caller's control transaction."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from aver.core.canonical import sha256_hex
from aver.core.clock import rfc3339
from aver.core.errors import NotFound, Unauthenticated
from aver.core.ids import new_id
from aver.core.principal import Principal
from aver.store.control import api_keys
from aver.store.types import ApiKey

__all__ = ["authenticate", "issue", "of_tenant", "revoke", "revoke_user"]

_PREFIX = "aver_"
"""So that people and secret scanners recognise a leaked key."""


def issue(tx: Connection, principal: Principal, now: datetime) -> tuple[ApiKey, str]:
    """A new key for ``principal``, whose tenant is an id, and its secret of 256 random bits, which is stored nowhere."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(new_id("key"), principal.tenant, principal.user, principal.groups, principal.roles, now)
    row = {
        "id": key.id,
        "tenant": key.tenant,
        "digest": _digest(secret),
        "user": key.user,
        "groups": sorted(key.groups),
        "roles": sorted(key.roles),
        "created": rfc3339(now),
    }
    tx.execute(insert(api_keys), row)
    return key, secret


def authenticate(tx: Connection, secret: str) -> ApiKey:
    """The key whose secret this is; :class:`Unauthenticated` when there is none.

    Takes the same steps for every secret. A plain digest is enough to store: 256 random bits cannot be guessed from it,
    and what the look-up's timing tells is about digests, which nobody can steer.
    """
    digest = _digest(secret)
    row = tx.execute(select(api_keys).where(api_keys.c.digest == digest)).one_or_none()
    if not hmac.compare_digest(row.digest if row else "", digest) or row is None:
        raise Unauthenticated("The API key is missing or not valid", "Create one: aver keys create.")
    return _key(row)


def of_tenant(tx: Connection, tenant: str) -> list[ApiKey]:
    """All keys of the tenant with this id, oldest first."""
    rows = tx.execute(select(api_keys).where(api_keys.c.tenant == tenant).order_by(api_keys.c.id))
    return [_key(row) for row in rows]


def revoke(tx: Connection, tenant: str, key: str) -> None:
    """End the key with this id; :class:`NotFound` when the tenant has none such."""
    gone = tx.execute(delete(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.id == key))
    if gone.rowcount == 0:
        raise NotFound("There is no such key, or it is not yours", "List them: aver keys list.")


def revoke_user(tx: Connection, tenant: str, user: str) -> int:
    """End all keys of a user; how many there were."""
    return tx.execute(delete(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.user == user)).rowcount


def _digest(secret: str) -> str:
    return sha256_hex(secret.encode("utf-8", "surrogatepass"))


def _key(row: Row[Any]) -> ApiKey:
    created = datetime.fromisoformat(row.created)
    return ApiKey(row.id, row.tenant, row.user, frozenset(row.groups), frozenset(row.roles), created)
