"""From what an identity provider says of somebody to a person of the tenant and their session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aver.core.clock import Clock
from aver.core.errors import Forbidden, NotFound
from aver.core.principal import OWNER
from aver.identity.declaration import Claims, SignIn
from aver.identity.directory import Change, Directory
from aver.identity.provider import Asked, Provider
from aver.identity.sessions import Sessions
from aver.identity.tokens import TokenRefused
from aver.store import Person, Profile, people

__all__ = ["LIFETIME", "NotLetIn", "SigningIn"]

LIFETIME = timedelta(minutes=10)
"""How long somebody may take to sign in with the provider."""
_BY = "identity provider"
_MOST_NAMES = 1000
_log = logging.getLogger("aver.identity")


class NotLetIn(Forbidden):
    """The provider vouches for somebody whom the tenant does not let in."""

    slug = "not-let-in"


class SigningIn:
    """Signs people of every tenant in, each with the tenant's own provider. ``secret`` gives a client's secret by its reference. Blocking,
    thread-safe; tenants are given by id."""

    def __init__(self, directory: Directory, sessions: Sessions, secret: Callable[[str], str], clock: Clock) -> None:
        self._directory = directory
        self._sessions = sessions
        self._secret = secret
        self._clock = clock
        self._providers: dict[str, Provider] = {}

    def provider(self, tenant: str) -> Provider:
        """The tenant's provider; :class:`~aver.core.errors.NotFound` where it declares none."""
        declared = self._directory.declaration(tenant).sign_in
        if declared is None:
            raise NotFound("Nobody signs in to this organisation through an identity provider", "Use an API key.")
        known = self._providers.get(tenant)
        if known is None or known.declared != declared:
            known = self._providers[tenant] = Provider(declared, self._secret, self._clock)
        return known

    def complete(self, tenant: str, asked: Asked, code: str, issuer: str, before: str = "") -> str:
        """The secret of a new session for whoever came back from the provider with ``code``. ``before`` is the secret of the session that the
        browser had.

        Raises :class:`NotLetIn`, :class:`~aver.identity.tokens.TokenRefused` and :class:`~aver.identity.provider.ProviderFailed`.
        """
        provider = self.provider(tenant)
        claims = provider.claims(asked, code, issuer)
        self._sessions.spend(asked.nonce, LIFETIME)
        person = self._known(tenant, provider.declared, claims)
        secret, _ = self._sessions.begin(tenant=tenant, person=person.id, before=before)
        return secret

    def _known(self, tenant: str, declared: SignIn, claims: Mapping[str, Any]) -> Person:
        """The person whom the claims are about, kept as they say. What a provider takes away is taken away here too, if need be from the
        tenant's last owner: that it says so is no doing of Aver's, and what is not vouched for any more must not hold."""
        user = _user(claims, declared.claims)
        with self._directory.change(tenant, _BY, leaving_none=True) as change:
            person = _bound(change, declared, user, str(claims["sub"]))
            if not person.provisioned:
                profile = replace(person.profile, name=_text(claims, declared.claims.name) or person.profile.name)
                profile = replace(profile, email=_text(claims, declared.claims.email) or profile.email)
                person = change.save(replace(person, profile=profile))
                groups, roles = _names(claims, declared.claims.groups), _names(claims, declared.claims.roles)
                owned = OWNER in person.roles
                person = change.claim(person, groups, roles)
                if owned and OWNER not in person.roles:
                    _log.warning(
                        "an owner's role is not claimed any more", extra={"tenant": tenant, "person": person.id}
                    )
            change.signed_in(person)
        return person


def _bound(change: Change, declared: SignIn, user: str, subject: str) -> Person:
    """The person of this subject of the issuer; at their first sign-in whoever has the user's name, or somebody new."""
    found = people.of_tenant(change.tx, change.tenant, issuer=declared.issuer, subject=subject)
    person = found[0] if found else people.find(change.tx, change.tenant, user)
    if person is None:
        if not declared.create:
            raise NotLetIn(f"{user[:60]!r} is nobody of this organisation", "Ask an admin of yours to add you.")
        person = change.add(user, Profile())
    if person.kind != "person" or not person.active:
        raise NotLetIn("This account cannot sign in", "Ask an admin of your organisation.")
    if (person.issuer, person.subject) == (declared.issuer, subject):
        return person
    if person.subject and person.issuer == declared.issuer:
        # The name was given to somebody else since: they must not have what was another's.
        raise NotLetIn(f"The name {user[:60]!r} is bound to another account", "Ask an admin to remove the old one.")
    return change.save(replace(person, issuer=declared.issuer, subject=subject))


def _user(claims: Mapping[str, Any], named: Claims) -> str:
    user = claims.get(named.user)
    if not isinstance(user, str) or not user.strip():
        raise TokenRefused(f"The identity provider does not say who signs in (the claim {named.user!r})")
    if named.user == "email" and claims.get("email_verified") is not True:
        raise TokenRefused("The identity provider has not verified this e-mail address")
    return user.strip()


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name) if name else None
    return value[:200] if isinstance(value, str) and value.isprintable() else ""


def _names(claims: Mapping[str, Any], name: str) -> list[str]:
    """The names in a claim. One that is absent, or only referred to elsewhere, names nobody's group: what is not said is not so."""
    value = claims.get(name) if name else None
    listed = [value] if isinstance(value, str) else value
    if listed is None:
        return []
    if not isinstance(listed, list) or len(listed) > _MOST_NAMES or not all(isinstance(each, str) for each in listed):
        raise TokenRefused(f"The claim {name!r} is not a list of names")
    return sorted({each.strip() for each in listed if each.strip()})
