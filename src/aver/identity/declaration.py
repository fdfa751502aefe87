"""What a tenant declares of its people: who vouches for them, what their groups and roles mean here, how long a session lasts::

    sign_in:
      issuer: https://login.example.com
      client_id: aver
      client_secret: env:AVER_OIDC_SECRET
      redirect: https://aver.example.com/sign-in/callback
      scopes: [openid, profile, email, groups]
      claims: {user: preferred_username, groups: groups, roles: roles}
      create: true
    roles:
      Platform team: [admin]
      Everyone: [member]
    session: {idle_minutes: 60, hours: 12}

The names under ``roles`` are those of groups and of roles as the identity provider spells them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from aver.core.principal import ROLES
from aver.core.yaml import YamlValue, nearest, parse_yaml

__all__ = ["Claims", "Declaration", "SignIn", "is_private"]

_SCOPES: tuple[str, ...] = ("openid", "profile", "email")
_MOST_MINUTES, _MOST_HOURS = 24 * 60, 7 * 24


@dataclass(frozen=True, slots=True)
class Claims:
    """Which claim of the provider's says what. Where ``groups`` or ``roles`` is empty, nothing is taken from a token."""

    user: str = "preferred_username"
    name: str = "name"
    email: str = "email"
    groups: str = ""
    roles: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """An OpenID Connect provider. ``client_secret`` is a reference such as ``env:NAME``, or empty for a public client; ``redirect`` where
    the provider sends people back to; ``create`` lets in whom the tenant does not know yet."""

    issuer: str
    client_id: str
    redirect: str
    client_secret: str = ""
    scopes: tuple[str, ...] = _SCOPES
    claims: Claims = Claims()
    create: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """One tenant's. A session ends when nothing was asked for in ``idle``, and ``absolute`` after it began whatever is asked."""

    sign_in: SignIn | None = None
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    idle: timedelta = timedelta(hours=1)
    absolute: timedelta = timedelta(hours=12)

    @classmethod
    def parse(cls, text: str, name: str, known: Collection[str] = ROLES) -> Declaration:
        """From a file's text, called ``name`` in errors; ``known`` are the roles that there are. Raises :class:`~aver.core.errors.SettingsError` with the line."""
        fields = parse_yaml(text, name).fields(("sign_in", "roles", "session"))
        session = fields["session"].fields(("idle_minutes", "hours")) if "session" in fields else {}
        idle = _between(session.get("idle_minutes"), 60, _MOST_MINUTES)
        hours = _between(session.get("hours"), 12, _MOST_HOURS)
        return cls(
            _sign_in(fields["sign_in"]) if "sign_in" in fields else None,
            _roles(fields["roles"], known) if "roles" in fields else {},
            timedelta(minutes=idle),
            timedelta(hours=hours),
        )

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Declaration:
        """As :meth:`plain` wrote it; of nothing, the one of a tenant that declares nothing."""
        if not stored:
            return cls()
        sign_in = None
        if said := stored["sign_in"]:
            sign_in = SignIn(**{**said, "scopes": tuple(said["scopes"]), "claims": Claims(**said["claims"])})
        roles = {name: tuple(each) for name, each in stored["roles"].items()}
        return cls(sign_in, roles, timedelta(seconds=stored["idle_s"]), timedelta(seconds=stored["absolute_s"]))

    def plain(self) -> dict[str, Any]:
        """As JSON holds it. It names the secret's place and never has the secret."""
        return {
            "sign_in": asdict(self.sign_in) if self.sign_in else None,
            "roles": {name: list(each) for name, each in self.roles.items()},
            "idle_s": self.idle.total_seconds(),
            "absolute_s": self.absolute.total_seconds(),
        }


def is_private(address: str) -> bool:
    """Whether nobody reads along on the way to an address: it is https, or this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return True
    host = parts.hostname or ""
    try:
        return parts.scheme == "http" and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


def _sign_in(value: YamlValue) -> SignIn:
    words = ("issuer", "client_id", "client_secret", "redirect", "scopes", "claims", "create")
    fields = value.fields(words, required=("issuer", "client_id", "redirect"))
    scopes = _SCOPES
    if "scopes" in fields:
        scopes = tuple(each.text() for each in fields["scopes"].items())
        if "openid" not in scopes:
            raise fields["scopes"].error("'openid' is missing", "Without it the provider says nothing of who signs in.")
    secret = fields["client_secret"].text() if "client_secret" in fields else ""
    if secret and ":" not in secret:
        raise fields["client_secret"].error("expected a reference", "Write env:NAME or file:PATH, not the secret.")
    return SignIn(
        _address(fields["issuer"]),
        fields["client_id"].text(),
        _address(fields["redirect"], path="/sign-in/callback"),
        secret,
        scopes,
        _claims(fields["claims"]) if "claims" in fields else Claims(),
        fields["create"].boolean() if "create" in fields else False,
    )


def _claims(value: YamlValue) -> Claims:
    words = tuple(Claims.__dataclass_fields__)
    return Claims(**{word: each.text() for word, each in value.fields(words).items()})


def _roles(value: YamlValue, known: Collection[str]) -> dict[str, tuple[str, ...]]:
    named = value.plain()
    if not isinstance(named, dict):
        raise value.error("expected names of groups, each with its roles", "Write Platform team: [admin].")
    found = {name: tuple(each.text() for each in at.items()) for name, at in value.fields(named).items()}
    for name, roles in found.items():
        for role in roles:
            if role not in known:
                raise value.fields(named)[name].error(f"{role[:60]!r} is no role", nearest(role, known))
    if len({name.casefold() for name in found}) < len(found):
        raise value.error("two names differ in case alone", "Write each group once.")
    return found


def _address(value: YamlValue, path: str = "") -> str:
    address = value.text()
    parts = urlsplit(address)
    if not is_private(address) or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise value.error(f"{address[:80]!r} is no address that can be trusted", "Write one that begins with https://.")
    if path and parts.path != path:
        raise value.error(f"the address ends in {parts.path[:60]!r}", f"Aver answers at {path}.")
    return address


def _between(value: YamlValue | None, default: int, most: int) -> int:
    if value is None:
        return default
    number = value.integer()
    if not 1 <= number <= most:
        raise value.error(f"expected 1 to {most}, found {number}", "Correct this line.")
    return number
