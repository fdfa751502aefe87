"""What Confluence and Jira share, in Atlassian's cloud and of a Data Center: how one proves who asks, and who accounts and groups are.

An API token of an account is sent with its e-mail address, a bearer token (OAuth 2.0, a service account's, or a personal access token of a
Data Center) without one. In the cloud the first are asked at the site, ``https://NAME.atlassian.net``; the others, and tokens with scopes,
at ``https://api.atlassian.com/ex/PRODUCT/CLOUD-ID``.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from aver.core.errors import AverError, NotFound, SourceDenied
from aver.core.principal import EVERYONE
from aver.gateway.config.shapes import Boolean, Choice, Field, Text
from aver.gateway.config.words import CREDENTIAL
from aver.knowledge.sources.answers import text_of
from aver.knowledge.sources.audience import ALL, Audience, both
from aver.knowledge.sources.http import Http
from aver.knowledge.sources.people import PEOPLE, People
from aver.knowledge.sources.types import Reach

__all__ = ["FIELDS", "Directory", "Hosting", "Site", "Withheld"]

_ACCOUNTS_A_REQUEST = 50
_JSON = {"Accept": "application/json"}
_NO_PERSON = ("app", "customer")
"""Kinds of accounts that read nothing but through a portal, and whose address may be anybody's."""

Hosting = Literal["cloud", "data-center"]
_HOSTINGS: tuple[Hosting, ...] = get_args(Hosting)

FIELDS = {
    "url": Field(Text(), "Where the site is, such as https://NAME.atlassian.net.", required=True),
    "token": Field(CREDENTIAL, "Where the token is kept, such as env:ATLASSIAN_TOKEN.", required=True),
    "email": Field(Text(), "Of the account whose API token it is; none for a bearer token."),
    "hosting": Field(Choice("hosting", _HOSTINGS), "Of the site: cloud, or data-center; the first, without it."),
    "people": PEOPLE,
    "permissions": Field(Boolean(), "Whether its permissions say who may read; else access does. On by default."),
}
"""What both products are declared with."""


class Withheld(SourceDenied):
    """The account is let in, but may not be told this."""


@dataclass
class Site:
    """A product's API at one site. ``token`` is a reference to the secret; ``seen_at`` is where people see the site, which the API tells.
    For one thread at a time."""

    name: str
    url: str
    email: str
    token: str
    reach: Reach
    wait: Callable[[float], None] = time.sleep
    seen_at: str = ""
    _http: Http = field(init=False, repr=False)
    _stranger: Http = field(init=False, repr=False)

    def __post_init__(self) -> None:
        clock = self.reach.clock
        self._http = Http(self.name, self.url, clock, self._proof, anywhere=True, wait=self.wait)
        self._stranger = Http(self.name, self.url, clock, wait=self.wait)

    def get(self, path: str, query: Mapping[str, object] | None = None, also: tuple[int, ...] = ()) -> Any:
        """What is at ``path``, with status 200 or one of ``also``. Raises :class:`Withheld` for 403, else as
        :meth:`~aver.knowledge.sources.http.Http.get`."""
        reply = self._http.get(path, query, _JSON, also=(403, *also))
        if reply.status == 403:
            raise Withheld(f"{self.name} does not show {path[:100]} to its account", "Give it the right to see that.")
        return reply.json()

    def told(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """What is at ``path``, or ``None`` where that is withheld or is not there."""
        try:
            return self.get(path, query)
        except (Withheld, NotFound):
            return None

    def content(self, path: str) -> bytes:
        """A file, of as many bytes as an item may have."""
        return self._http.get(path, most=self.reach.max_bytes).body

    def is_public(self, path: str, name: str, value: str) -> bool:
        """Whether somebody without an account is shown what is at ``path``, which has ``value`` as its ``name``. It is tried rather than
        read: what is granted to anonymous users counts only where the whole site allows them."""
        try:
            reply = self._stranger.get(path, headers=_JSON, also=(400, 401, 403, 404))
            return reply.status == 200 and text_of(reply.json(), name) == value
        except AverError:  # such as being led to a page where one logs in
            return False

    def _proof(self, refused: bool) -> Mapping[str, str]:  # noqa: ARG002 - the secret is read anew each time
        token = self.reach.secret(self.token)
        if not self.email:
            return {"Authorization": f"Bearer {token}"}
        return {"Authorization": "Basic " + b64encode(f"{self.email}:{token}".encode()).decode()}


class _Account(NamedTuple):
    """An account's e-mail address and its username, empty where they are not told."""

    address: str = ""
    name: str = ""


class Directory(ABC):
    """Who the accounts and groups of a site are. What was asked once is remembered: make a new one for each listing.

    ``account_id``, ``account_name`` and ``group_id`` are what a record calls them; in the cloud nobody has a username."""

    account_id: ClassVar[str] = "accountId"
    account_name: ClassVar[str] = ""
    group_id: ClassVar[str] = "id"

    def __init__(self, name: str, people: People) -> None:
        self.name = name
        self._people = people
        self._accounts: dict[str, _Account | None] = {}
        """By their ids; ``None`` for what is no person, or no longer one."""
        self._members: dict[str, frozenset[str]] = {}
        self._names: dict[str, str] = {}
        self._readers: dict[Audience, tuple[str, ...]] = {}

    @abstractmethod
    def _look_up(self, accounts: list[str]) -> list[dict[str, Any]]:
        """The records of these accounts, as far as they are told."""

    @abstractmethod
    def _members_of(self, group: str) -> Iterable[dict[str, Any]]:
        """The records of a group's members; none where they are not told."""

    @abstractmethod
    def _name_of(self, group: str) -> str:
        """What a group is called; empty where that is not told."""

    def met(self, account: Any) -> str:
        """The id of an account whose record was seen, remembering its address. Empty for what is no person, or no longer one."""
        found = text_of(account, self.account_id)
        if text_of(account, "accountType") in _NO_PERSON or (
            isinstance(account, dict) and account.get("active") is False
        ):
            self._accounts[found] = None
            return ""
        name = text_of(account, self.account_name)
        address = text_of(account, "email") or text_of(account, "emailAddress") or (name if "@" in name else "")
        if address or name:
            self._accounts[found] = _Account(address, name)
        return found

    def called(self, group: str, name: str) -> str:
        """A group's id, remembering its name."""
        if name:
            self._names[group] = name
        return group

    def seen(self, group: Any) -> str:
        """The id of a group whose record was seen, remembering its name."""
        return self.called(text_of(group, self.group_id), text_of(group, "name"))

    def members(self, group: str) -> frozenset[str]:
        """The accounts in a group; none where they are not told."""
        if group not in self._members:
            self._members[group] = frozenset(filter(None, map(self.met, self._members_of(group))))
        return self._members[group]

    def both(self, one: Audience, other: Audience) -> Audience:
        """Who is in both; a group that is everyone here is no barrier."""
        return both(self._opened(one), self._opened(other), self.members)

    def readers(self, audience: Audience) -> tuple[str, ...]:
        """The reader tokens of an audience, sorted."""
        if audience not in self._readers:
            self._readers[audience] = (EVERYONE,) if self._opened(audience).everyone else self._tokens(audience)
        return self._readers[audience]

    def _tokens(self, audience: Audience) -> tuple[str, ...]:
        self._learn(audience.users)
        known = [(each, self._accounts[each]) for each in audience.users]
        users = (self._people.user(found.address, account, found.name) for account, found in known if found is not None)
        groups = (self._group(each) for each in audience.groups)
        return tuple(sorted({token for token in (*users, *groups) if token}))

    def _opened(self, audience: Audience) -> Audience:
        return ALL if any(self._group(each) == EVERYONE for each in audience.groups) else audience

    def _group(self, group: str) -> str | None:
        if group not in self._names:
            self._names[group] = self._name_of(group)
        return self._people.group(self.name, self._names[group], group)

    def _learn(self, accounts: Iterable[str]) -> None:
        unknown = sorted(each for each in accounts if each not in self._accounts)
        for start in range(0, len(unknown), _ACCOUNTS_A_REQUEST):
            some = unknown[start : start + _ACCOUNTS_A_REQUEST]
            for account in self._look_up(some):
                self.met(account)
            for each in some:
                self._accounts.setdefault(each, _Account())
