"""Slack: what people say in channels, with the channel's members as its readers.

A document is a thread, because an answer means little without its question; or what was said on one day (UTC) of a channel outside of
threads, because single messages are too short to be understood and a whole channel is never done. Their paths, ``CHANNEL/TIMESTAMP.md`` of
the first message and ``CHANNEL/DATE.md``, stay what they are. Left out are messages of bots, except one that people answer, and what Slack
itself notes, such as who joined.

Slack has no list of changes that tells of edits, deletions and members, so there is no cursor: every message is listed each time, back to
the beginning of the day ``since`` ago. What becomes older than that drops out. A thread's replies are read too, for nothing else tells
that one was edited; with ``edits`` only for so long after the last of them, and then by their number and the time of the last alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Literal

from aver.core.canonical import canonical_json, sha256_hex
from aver.core.errors import NotFound, SourceDenied, TooLarge, Unavailable
from aver.core.principal import EVERYONE
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Boolean, Choice, Field, ListOf, Text
from aver.gateway.config.words import CREDENTIAL
from aver.knowledge.sources.answers import part_of, text_of
from aver.knowledge.sources.people import PEOPLE, Access, People
from aver.knowledge.sources.rendering import escaped, page
from aver.knowledge.sources.slack_api import Directory, SlackApi, ThreadGone, Withheld
from aver.knowledge.sources.slack_messages import (
    TIMESTAMP,
    Message,
    changed_at,
    date_of,
    files_of,
    is_said,
    is_thread,
    mark_of,
    moment_of,
    stands_alone,
)
from aver.knowledge.sources.slack_text import markdown, plain
from aver.knowledge.sources.types import Kind, Reach
from aver.knowledge.types import CursorExpired, Page, SourceItem

__all__ = ["KIND", "SlackSource"]

Type = Literal["public_channel", "private_channel", "mpim"]
_TYPES: tuple[Type, ...] = ("public_channel", "private_channel", "mpim")
_DAY = 86_400.0
_ID = re.compile(r"[A-Za-z0-9]+")
_LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Options:
    """``since`` and ``edits`` are in seconds; without limit when ``since`` is 0."""

    token: str
    channels: tuple[str, ...] = ()
    types: tuple[Type, ...] = ("public_channel", "private_channel")
    since: float = 90 * _DAY
    edits: float = inf
    public: Literal["members", "everyone"] = "members"
    people: People = field(default_factory=People)
    permissions: bool = True
    api: str = "https://slack.com/api"


@dataclass(frozen=True, slots=True)
class _Channel:
    id: str
    name: str
    access: Access


@dataclass
class SlackSource:
    name: str
    options: Options
    reach: Reach
    wait: Callable[[float], None] = time.sleep
    _api: SlackApi = field(init=False, repr=False)
    _directory: Directory = field(init=False, repr=False)
    _channels: dict[str, _Channel] = field(default_factory=dict, init=False, repr=False)
    """Of the last listing, by id."""

    def __post_init__(self) -> None:
        self._api = SlackApi(self.name, self.options.api, self.options.token, self.reach, self.wait)
        self._directory = Directory(self._api, self.options.people)

    def pages(self, cursor: str) -> Iterator[Page]:
        """Every thread and day of the channels. Raises :class:`~aver.core.errors.NotFound` for a declared channel that is not there, or
        not shown to the app."""
        if cursor:
            raise CursorExpired("Slack keeps no list of changes", "List everything.")
        site = text_of(self._api.call("auth.test"), "url").rstrip("/")
        self._directory = Directory(self._api, self.options.people)
        chosen = self._chosen()
        self._channels = {}
        for record in chosen:
            known = text_of(record, "id")
            if not _ID.fullmatch(known):
                raise Unavailable("A channel has no id", "See Slack's changes to its API.")
            channel = _Channel(known, text_of(record, "name"), self._access(record))
            self._channels[channel.id] = channel
            yield from self._listed(channel, f"{site}/archives/{channel.id}")

    def fetch(self, item: SourceItem) -> bytes:
        known, _, name = item.path.removesuffix(".md").partition("/")
        channel = self._channels[known]
        if channel.access.untold:
            raise SourceDenied(f"{channel.access.untold}, so nobody may read this", "See the scopes that it needs.")
        if TIMESTAMP.fullmatch(name):
            messages = self._thread(known, name)
            title = self._title(channel, messages[0])
        elif messages := self._day(known, name):
            title = f"#{channel.name}, {name}"
        else:
            raise NotFound("Nothing is said on that day any more", "Follow the source again.")
        text = page(title, "", *map(self._rendered, messages)).encode("utf-8", "replace")
        if len(text) > self.reach.max_bytes:
            raise TooLarge(f"It is larger than {self.reach.max_bytes / 2**20:g} MB", "Raise the limit.")
        return text

    def _chosen(self) -> list[dict[str, Any]]:
        """The channels that are read, archived ones excepted: those declared, or all that the app is in."""
        query = {"types": ",".join(self.options.types), "exclude_archived": "false"}
        found = [each for some in self._api.walk("conversations.list", query, "channels") for each in some]
        wanted = {each.removeprefix("#") for each in self.options.channels}
        known = {text_of(each, name) for each in found for name in ("id", "name")}
        if missing := sorted(wanted - known):
            raise NotFound(
                f"Slack shows no channel {missing[0]!r} to {self.name}", "Correct its name, or invite the app to it."
            )
        return [
            each
            for each in found
            if part_of(each, "is_archived") is not True
            and ({text_of(each, "id"), text_of(each, "name")} & wanted if wanted else _is_in(each))
        ]

    def _access(self, record: dict[str, Any]) -> Access:
        if not self.options.permissions:
            return Access(None)
        if self.options.public == "everyone" and part_of(record, "is_private") is False and not _is_group(record):
            return Access((EVERYONE,))
        known, name = text_of(record, "id"), text_of(record, "name")
        people = self.options.people
        if {known.lower(), name.lower()} & people.groups.keys() and (group := people.group(self.name, name, known)):
            return Access((group,))
        try:
            readers, told = self._directory.readers(known)
        except (Withheld, NotFound):
            return Access((), "Slack does not show the app who is in the channel")
        return Access(readers, "" if told else "Slack shows the app no e-mail addresses")

    def _listed(self, channel: _Channel, site: str) -> Iterator[Page]:
        days: dict[str, list[Message]] = {}
        for some in self._api.walk("conversations.history", {"channel": channel.id, **self._window()}, "messages"):
            threads = []
            for message in some:
                moment = moment_of(message)
                if is_thread(message):
                    if state := self._state(channel, message):
                        threads.append(self._item(channel, moment, site, moment, *state))
                elif stands_alone(message):
                    days.setdefault(date_of(moment), []).append(message)
            if threads:
                yield Page(tuple(threads))
        for day, messages in days.items():
            said = sorted({(moment_of(each), mark_of(each)) for each in messages})
            changed = max(map(changed_at, messages))
            yield Page((self._item(channel, day, site, said[0][0], sha256_hex(canonical_json(said)), changed),))

    def _item(
        self, channel: _Channel, name: str, site: str, moment: str, revision: str, changed: datetime
    ) -> SourceItem:
        access = channel.access
        uri = f"{site}/p{moment.replace('.', '')}"
        # Where it is not told who may read, there is no revision: so it is asked for, and reported, each time.
        told = "" if access.untold else revision
        return SourceItem(f"{channel.id}/{name}.md", uri, 0, told, access.readers, changed)

    def _state(self, channel: _Channel, parent: Message) -> tuple[str, datetime] | None:
        """The revision of a thread, and when something was last said or edited in it; ``None`` where nobody says anything."""
        replies = f"{text_of(parent, 'reply_count')} {text_of(parent, 'latest_reply')}"
        latest = text_of(parent, "latest_reply") or text_of(parent, "ts")
        age = self.reach.clock.now().timestamp() - float(latest if TIMESTAMP.fullmatch(latest) else "0")
        if age > self.options.edits:
            last = changed_at({"ts": latest if TIMESTAMP.fullmatch(latest) else moment_of(parent)})
            return f"{mark_of(parent)} {replies}", max(changed_at(parent), last)
        try:
            messages = self._thread(channel.id, moment_of(parent))
        except ThreadGone:  # in this moment
            return None
        return sha256_hex(canonical_json([mark_of(each) for each in messages])), max(map(changed_at, messages))

    def _thread(self, channel: str, moment: str) -> list[Message]:
        """The message that a thread is about, and what people answered, oldest first."""
        asked = {"channel": channel, "ts": moment}
        found = {
            moment_of(each): each
            for some in self._api.walk("conversations.replies", asked, "messages")
            for each in some
        }
        messages = [each for at, each in sorted(found.items()) if at == moment or is_said(each)]
        if moment not in found or not any(map(is_said, messages)):
            raise ThreadGone("Nothing is said in that thread any more", "Follow the source again.")
        return messages

    def _day(self, channel: str, day: str) -> list[Message]:
        start = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
        window = {"oldest": f"{start:.6f}", "latest": f"{start + _DAY - 1e-6:.6f}", "inclusive": "true"}
        pages = self._api.walk("conversations.history", {"channel": channel, **window}, "messages")
        found = {moment_of(each): each for some in pages for each in some if stands_alone(each)}
        return [each for _, each in sorted(found.items())]

    def _window(self) -> dict[str, str]:
        if not self.options.since:
            return {}
        first = self.reach.clock.now() - timedelta(seconds=self.options.since)
        midnight = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return {"oldest": f"{midnight.timestamp():.6f}", "inclusive": "true"}

    def _title(self, channel: _Channel, parent: Message) -> str:
        words = plain(text_of(parent, "text"), self._directory.name)
        if len(words) > _LONGEST_TITLE:
            words = words[:_LONGEST_TITLE].rpartition(" ")[0] + " …"
        return f"#{channel.name}: {words}" if words else f"#{channel.name}, a thread"

    def _rendered(self, message: Message) -> str:
        """``**Who**, when: what``, and the names of files."""
        who = (
            self._directory.name(text_of(message, "user")) if text_of(message, "user") else text_of(message, "username")
        )
        when = datetime.fromtimestamp(float(moment_of(message)), UTC).strftime("%Y-%m-%d %H:%M")
        said = markdown(text_of(message, "text"), self._directory.name)
        start = f"**{escaped(' '.join(who.split()) or 'somebody')}**, {when}:"
        files = ", ".join(escaped(" ".join(each.split())) for each in files_of(message))
        parts = [f"{start} {said}" if not said.startswith("```") else f"{start}\n\n{said}"]
        return "\n\n".join([*parts, f"Files: {files}"] if files else parts)


def _is_in(record: dict[str, Any]) -> bool:
    return part_of(record, "is_member") is True or _is_group(record)


def _is_group(record: dict[str, Any]) -> bool:
    return part_of(record, "is_mpim") is True


KIND = Kind(
    "slack",
    "Threads and days of Slack channels, for the channels' members.",
    {
        "token": Field(CREDENTIAL, "Where the app's token is kept, such as env:SLACK_TOKEN.", required=True),
        "channels": Field(ListOf(Text(), least=1), "Names or ids; all that the app is in, without it."),
        "types": Field(
            ListOf(Choice("type of conversation", _TYPES), least=1),
            "Of public_channel, private_channel and mpim; the first two, without it.",
        ),
        "since": Field(Duration(), "How far back; what becomes older drops out. 90d without it, 0 for everything."),
        "edits": Field(
            Duration(), "How long after its last reply a thread is looked through for edits; always, without it."
        ),
        "public": Field(
            Choice("readership", ("members", "everyone")), "Who reads public channels; their members, without it."
        ),
        "people": PEOPLE,
        "permissions": Field(Boolean(), "Whether membership says who may read; else access does. On by default."),
        "api": Field(Text(), "Another address of the API, such as https://slack-gov.com/api."),
    },
    Options,
    SlackSource,
)
