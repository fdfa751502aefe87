"""Slack's Web API: methods asked with a token, answers that say themselves whether they are one, lists paged by cursors, and who people are.

See https://docs.slack.dev/apis/web-api/, https://docs.slack.dev/apis/web-api/pagination and
https://docs.slack.dev/apis/web-api/rate-limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aver.core.errors import AverError, NotFound, SourceDenied, Unavailable
from aver.knowledge.sources.answers import Records, listed_in, part_of, text_of, walk
from aver.knowledge.sources.http import Http, Reply
from aver.knowledge.sources.people import People
from aver.knowledge.sources.types import Reach

__all__ = ["Directory", "SlackApi", "ThreadGone", "Withheld"]

_A_PAGE = 200
_ATTEMPTS = 5
_PAUSE = 30.0
"""Seconds, where Slack does not say how long to wait."""
_REFUSED = frozenset({"invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive"})
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_ABSENT = frozenset({"channel_not_found", "user_not_found", "user_not_visible"})
_WITHHELD = frozenset({"missing_scope", "not_in_channel", "no_permission", "access_denied", "not_allowed_token_type"})


class Withheld(SourceDenied):
    """The token is good, but may not see this."""


class ThreadGone(NotFound):
    """Nothing is said there any more."""


@dataclass
class SlackApi:
    """``token`` is a reference to the secret. For one thread at a time."""

    name: str
    base: str
    token: str
    reach: Reach
    wait: Callable[[float], None] = time.sleep
    _http: Http = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._http = Http(self.name, self.base, self.reach.clock, self._proof, wait=self.wait)

    def call(self, method: str, query: Mapping[str, object] | None = None) -> Any:
        """What the method answers. Raises :class:`~aver.core.errors.NotFound` for a channel, thread or person that is not there,
        :class:`Withheld` for what the token may not see, else as :meth:`~aver.knowledge.sources.http.Http.get`."""
        refused = False
        for attempt in range(_ATTEMPTS):
            reply = self._http.get(method, query)
            answer = reply.json()
            if part_of(answer, "ok") is True:
                return answer
            error = text_of(answer, "error") or "no reason"
            if error in _REFUSED and not refused:
                refused = True  # the token may have been renewed in the meantime
            elif error in _PASSING and attempt + 1 < _ATTEMPTS:
                self.wait(_asked_to_wait(reply))
            else:
                raise self._error(method, error, text_of(answer, "needed"))
        raise AssertionError

    def walk(self, method: str, query: Mapping[str, object], name: str) -> Iterator[Records]:
        """The records that a method lists as ``name``, page by page."""

        def ask(cursor: Any) -> tuple[Records, Any]:
            answer = self.call(method, {**query, "limit": _A_PAGE, "cursor": cursor})
            following = text_of(answer, "response_metadata", "next_cursor") or None
            found = part_of(answer, name)
            if isinstance(found, list) and all(isinstance(each, str) for each in found):
                return [{"id": each} for each in found], following  # the members of a channel are ids alone
            return listed_in(answer, name), following

        return walk(self.name, ask)

    def _proof(self, refused: bool) -> Mapping[str, str]:  # noqa: ARG002 - the secret is read anew each time
        return {"Authorization": f"Bearer {self.reach.secret(self.token)}"}

    def _error(self, method: str, error: str, needed: str) -> AverError:
        said = f"Slack answers {method} of {self.name} with {error[:60]!r}"
        if error in _REFUSED:
            return SourceDenied(said, "Renew the token.")
        if error in _WITHHELD:
            scope = f" the scope {needed[:100]}" if needed else " the right to see that, and invite it to the channel"
            return Withheld(said, f"Give the app{scope}.")
        if error == "thread_not_found":
            return ThreadGone(said, "Follow the source again.")
        if error in _ABSENT:
            return NotFound(said, "Follow the source again; correct its channels, if it is declared with some.")
        return Unavailable(said, "Follow it later; see https://docs.slack.dev/reference/methods.")


def _asked_to_wait(reply: Reply) -> float:
    said = reply.headers.get("retry-after", "")
    return min(float(said), 60.0) if said.isdecimal() else _PAUSE


@dataclass(frozen=True, slots=True)
class _Person:
    """``reads``: a person whose account is open, and who therefore can be somebody here."""

    name: str
    email: str
    reads: bool


class Directory:
    """The people of a workspace. What was asked once is remembered: make a new one for each listing."""

    def __init__(self, api: SlackApi, people: People) -> None:
        self._api = api
        self._people = people
        self._known: dict[str, _Person] | None = None

    def name(self, account: str) -> str:
        """What a person is called, also one of another workspace; ``somebody`` where Slack does not tell."""
        known = self._everyone()
        if account and account not in known:
            try:
                known[account] = _person(part_of(self._api.call("users.info", {"user": account}), "user"))
            except (NotFound, SourceDenied):
                known[account] = _Person("", "", reads=False)
        return (known[account].name if account else "") or "somebody"

    def readers(self, channel: str) -> tuple[tuple[str, ...], bool]:
        """The reader tokens of a channel's members, and whether it was told who they are."""
        ids = [
            text_of(each, "id")
            for some in self._api.walk("conversations.members", {"channel": channel}, "members")
            for each in some
        ]
        people = {each: self._everyone().get(each) for each in ids}
        # Somebody of another workspace is here whoever the declaration says.
        tokens = {
            self._people.user(person.email if person else None, each)
            for each, person in people.items()
            if person is None or person.reads
        }
        readers = tuple(sorted(token for token in tokens if token))
        hidden = [each for each, person in people.items() if person and person.reads and not person.email]
        return readers, bool(readers) or not hidden

    def _everyone(self) -> dict[str, _Person]:
        if self._known is None:
            found = (each for some in self._api.walk("users.list", {}, "members") for each in some)
            self._known = {text_of(each, "id"): _person(each) for each in found}
        return self._known


def _person(record: Any) -> _Person:
    names = (text_of(record, "profile", "display_name"), text_of(record, "profile", "real_name"))
    name = next((each for each in (*names, text_of(record, "real_name"), text_of(record, "name")) if each), "")
    closed = part_of(record, "deleted") is True or part_of(record, "is_bot") is True
    reads = not closed and text_of(record, "id") != "USLACKBOT"
    return _Person(name, text_of(record, "profile", "email"), reads)
