"""A Slack workspace for tests, as its public documentation describes its Web API.

See https://docs.slack.dev/reference/methods/conversations.list, ``conversations.history``, ``conversations.replies``,
``conversations.members``, ``users.list``, ``users.info`` and ``auth.test`` there, and https://docs.slack.dev/apis/web-api/pagination. It
pages as the real one does, wants the scopes that it wants, and says what is wrong with status 200.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService

__all__ = ["FakeChannel", "FakeSlack"]

_API = "/api/"
_SCOPES = frozenset(
    {
        "channels:read",
        "channels:history",
        "groups:read",
        "groups:history",
        "mpim:read",
        "mpim:history",
        "users:read",
        "users:read.email",
    }
)
_FAMILIES = {"public_channel": "channels", "private_channel": "groups", "mpim": "mpim"}


@dataclass
class FakeChannel:
    """``messages`` by their timestamp, replies included."""

    id: str
    name: str
    type: str = "public_channel"
    members: list[str] = field(default_factory=list)
    is_member: bool = True
    is_archived: bool = False
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)


class FakeSlack(FakeService):
    """People, channels and messages are added by methods. ``page`` is how many records a page has at most, whatever is asked for;
    ``scopes`` are those of the app; ``expired`` are tokens whose time is over."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.strangers: dict[str, dict[str, Any]] = {}
        """People of other workspaces, who are in no list."""
        self.channels: dict[str, FakeChannel] = {}
        self.page = 200
        self.scopes = set(_SCOPES)
        self.expired: set[str] = set()
        self._last = 0

    @property
    def api(self) -> str:
        return f"{self.url}{_API.rstrip('/')}"

    def add_user(self, name: str, email: str = "", *, stranger: bool = False, **more: Any) -> str:
        known = f"U{self._number():08d}"
        profile = {"display_name": name, "real_name": name, **({"email": email} if email else {})}
        made = {"id": known, "name": name.lower(), "deleted": False, "is_bot": False, "profile": profile, **more}
        (self.strangers if stranger else self.users)[known] = made
        return known

    def add_channel(self, name: str, *members: str, **more: Any) -> FakeChannel:
        known = f"C{self._number():08d}"
        self.channels[known] = FakeChannel(known, name, members=list(members), **more)
        return self.channels[known]

    def say(self, channel: FakeChannel, user: str, text: str, at: float, *, thread: str = "", **more: Any) -> str:
        """What somebody says at a Unix time, in the thread that begins with ``thread``; its timestamp."""
        moment = f"{int(at)}.{self._number():06d}"
        said = {"type": "message", "user": user, "text": text, "ts": moment, **more}
        channel.messages[moment] = said | ({"thread_ts": thread} if thread else {})
        return moment

    def edit(self, channel: FakeChannel, moment: str, text: str) -> None:
        said = channel.messages[moment]
        said |= {"text": text, "edited": {"user": said["user"], "ts": f"{int(float(moment)) + self._number()}.000000"}}

    def _number(self) -> int:
        self._last += 1
        return self._last

    def refusal(self, asked: Asked) -> Answer:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return _no("token_expired" if token in self.expired else "invalid_auth" if token else "not_authed")

    def answer(self, asked: Asked) -> Answer:
        methods: dict[str, Callable[[Asked], Answer]] = {
            "auth.test": lambda _: _yes(url="https://acme.slack.com/", team="Acme", user="aver", team_id="T1"),
            "conversations.list": self._list,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.members": self._members,
            "users.list": self._users,
            "users.info": self._user,
        }
        method = methods.get(asked.path.removeprefix(_API))
        return method(asked) if method else _no("unknown_method")

    def _missing(self, *scopes: str) -> Answer | None:
        wanted = [each for each in scopes if each not in self.scopes]
        provided = ",".join(sorted(self.scopes))
        return _no("missing_scope", needed=",".join(wanted), provided=provided) if wanted else None

    def _list(self, asked: Asked) -> Answer:
        types = asked.query.get("types", "public_channel").split(",")
        if any(each not in (*_FAMILIES, "im") for each in types):
            return _no("invalid_types")
        if missing := self._missing(*(f"{_FAMILIES[each]}:read" for each in types)):
            return missing
        closed = asked.query.get("exclude_archived") == "true"
        some = [
            each
            for each in self.channels.values()
            if each.type in types
            and (each.type == "public_channel" or each.is_member)
            and not (closed and each.is_archived)
        ]
        return self._paged(asked, "channels", [_described(each) for each in some])

    def _channel(self, asked: Asked, right: str) -> FakeChannel | Answer:
        channel = self.channels.get(asked.query.get("channel", ""))
        if channel is None or (channel.type != "public_channel" and not channel.is_member):
            return _no("channel_not_found")
        if missing := self._missing(f"{_FAMILIES[channel.type]}:{right}"):
            return missing
        return _no("not_in_channel") if right == "history" and not channel.is_member else channel

    def _history(self, asked: Asked) -> Answer:
        channel = self._channel(asked, "history")
        if isinstance(channel, Answer):
            return channel
        some = [
            self._shown(channel, each)
            for _, each in sorted(channel.messages.items(), reverse=True)
            if _is_on_top(each) and _is_within(asked, each["ts"])
        ]
        return self._paged(asked, "messages", some, has_more=True)

    def _replies(self, asked: Asked) -> Answer:
        channel, thread = self._channel(asked, "history"), asked.query.get("ts", "")
        if isinstance(channel, Answer):
            return channel
        if thread not in channel.messages:
            return _no("thread_not_found")
        replies = [each for _, each in sorted(channel.messages.items()) if each.get("thread_ts") == thread]
        first = [self._shown(channel, channel.messages[thread])]
        return self._paged(asked, "messages", replies, before=first, has_more=True)

    def _members(self, asked: Asked) -> Answer:
        channel = self._channel(asked, "read")
        return channel if isinstance(channel, Answer) else self._paged(asked, "members", channel.members)

    def _users(self, asked: Asked) -> Answer:
        if missing := self._missing("users:read"):
            return missing
        return self._paged(asked, "members", [self._told(each) for each in self.users.values()])

    def _user(self, asked: Asked) -> Answer:
        if missing := self._missing("users:read"):
            return missing
        found = {**self.users, **self.strangers}.get(asked.query.get("user", ""))
        return _yes(user=self._told(found)) if found else _no("user_not_found")

    def _told(self, user: dict[str, Any]) -> dict[str, Any]:
        hidden = () if "users:read.email" in self.scopes else ("email",)
        return {**user, "profile": {name: each for name, each in user["profile"].items() if name not in hidden}}

    def _shown(self, channel: FakeChannel, message: dict[str, Any]) -> dict[str, Any]:
        """A message with what Slack adds to the first of a thread."""
        moment = message["ts"]
        replies = [each["ts"] for each in channel.messages.values() if each.get("thread_ts") == moment]
        if not replies:
            return message
        return {**message, "thread_ts": moment, "reply_count": len(replies), "latest_reply": max(replies)}

    def _paged(
        self, asked: Asked, name: str, found: list[Any], *, before: Iterable[Any] = (), has_more: bool = False
    ) -> Answer:
        limit, cursor = asked.query.get("limit", "100"), asked.query.get("cursor", "")
        if not limit.isdigit() or not 0 < int(limit) < 1000:
            return _no("invalid_limit")
        start = 0
        if cursor:
            try:
                start = int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
            except ValueError:
                return _no("invalid_cursor")
        end = start + min(int(limit), self.page)
        more = end < len(found)
        following = base64.b64encode(f"next:{end}".encode()).decode() if more else ""
        told: dict[str, Any] = {name: [*before, *found[start:end]], "response_metadata": {"next_cursor": following}}
        return _yes(**told, **({"has_more": more} if has_more else {}))


def _yes(**told: Any) -> Answer:
    return Answer({"ok": True, **told})


def _no(error: str, **told: Any) -> Answer:
    return Answer({"ok": False, "error": error, **told})


def _described(channel: FakeChannel) -> dict[str, Any]:
    private = channel.type != "public_channel"
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.type != "mpim",
        "is_private": private,
        "is_mpim": channel.type == "mpim",
        "is_archived": channel.is_archived,
        "is_member": channel.is_member,
    }


def _is_on_top(message: dict[str, Any]) -> bool:
    thread = message.get("thread_ts", message["ts"])
    return bool(thread == message["ts"] or message.get("subtype") == "thread_broadcast")


def _is_within(asked: Asked, moment: str) -> bool:
    oldest, latest = float(asked.query.get("oldest", "0")), float(asked.query.get("latest", "inf"))
    inclusive = asked.query.get("inclusive") in ("1", "true")
    return oldest <= float(moment) <= latest if inclusive else oldest < float(moment) < latest
