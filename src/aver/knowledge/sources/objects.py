"""What the object stores share: a bucket's objects as documents, by key.

A document's path is its object's key, with what could lead astray escaped, so that different keys have different paths. Every listing is
whole: none of the stores tells what changed or is gone without a further service. It costs a request for a thousand objects, and an object
whose revision is known is not fetched again. What is fetched is the state that was listed, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, unquote

from aver.core.errors import AverError, InvalidInput, NotFound, TooLarge, Unavailable
from aver.core.yaml import YamlValue
from aver.gateway.config.shapes import Field, ListOf, Schema, Text
from aver.knowledge.access import matching, read_glob
from aver.knowledge.sources.types import Reach
from aver.knowledge.types import Page, SourceItem

__all__ = [
    "ENDPOINT",
    "PAGE",
    "SELECTION",
    "ObjectSource",
    "ObjectStore",
    "Selection",
    "Stored",
    "archived",
    "changed",
    "key_of",
    "path_of",
    "quoted",
    "removed",
]

PAGE = 1000
"""Objects that a store is asked for at once; S3 gives no more."""
_MOST = 50_000_000
"""Objects of one listing, chosen or not."""
_ASTRAY = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069%\\\\]")
"""Controls, what turns the direction of writing, and the escape itself."""
_DOTS = re.compile(r"(?:(?<=/)|^)\.{1,2}(?=/|$)")
_SLASH = re.compile(r"^/|(?<=/)/|/$")
"""Before or after which there is no name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as its store lists it. ``size`` is in bytes. ``revision`` is what the store calls this state of its content,
    ``changed`` since when it is this one, where the store tells."""

    key: str
    size: int
    revision: str
    changed: datetime | None = None


class ObjectStore(Protocol):
    """A bucket, or what its store calls one."""

    def page(self, prefix: str, after: str) -> tuple[Sequence[Stored], str]:
        """Some of the objects whose keys begin with ``prefix``, and the mark after which there are more; "" at the end and at first.

        Raises an :class:`~aver.core.errors.AverError` where they cannot be listed.
        """

    def content(self, key: str, revision: str, most: int) -> bytes:
        """The object in this state, of at most ``most`` bytes. Raises :func:`changed` where it is in another by now,
        :func:`removed` where it is gone."""

    def address(self, key: str) -> str:
        """Where the object is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects are documents, and where a person opens one (``{key}`` stands for its key)."""

    prefix: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    uri: str = ""


class _Glob:
    """The shape of a pattern, as in an access list."""

    def read(self, value: YamlValue) -> str:
        return read_glob(value)

    def write(self, value: str) -> str:
        return value

    def schema(self) -> Schema:
        return {"type": "string"}


SELECTION: Mapping[str, Field] = {
    "prefix": Field(Text(), "Only objects whose keys begin with this."),
    "include": Field(ListOf(_Glob(), least=1), "Only objects whose paths match one of these patterns."),
    "exclude": Field(ListOf(_Glob(), least=1), "No objects whose paths match one of these patterns."),
    "uri": Field(Text(), "Where a person opens an object, with {key} in it."),
}


ENDPOINT = Text(pattern=r"https?://[^\s?#@]+", expected="an address such as https://objects.example.org")


class ObjectSource:
    """The objects of ``store`` that ``selection`` names. Zero bytes under a key that ends with a slash are what stores show a folder
    by, and no document."""

    def __init__(self, name: str, selection: Selection, reach: Reach, store: ObjectStore) -> None:
        self.name = name
        self.store = store
        self._selection = selection
        self._reach = reach
        self._included = matching(selection.include or ("**",))
        self._excluded = matching(selection.exclude)

    def pages(self, cursor: str) -> Iterator[Page]:  # noqa: ARG002 - no store tells what changed since
        """Every object there is now, always. Raises what the store raises, :class:`~aver.core.errors.Unavailable` where it lists the
        same part again, and :class:`~aver.core.errors.TooLarge` where there is no end to it."""
        after, passed, count = "", {""}, 0
        while True:
            objects, after = self.store.page(self._selection.prefix, after)
            items = tuple(self._item(each) for each in objects if self._is_chosen(each))
            if items or not objects:  # many pages of nothing chosen say nothing of going in circles
                yield Page(items)
            if not after:
                return
            count += len(objects)
            if after in passed:
                raise Unavailable(
                    f"{self.name} lists the same objects again", "See the store's status; no document was changed."
                )
            if count > _MOST:
                raise TooLarge(f"{self.name} has more than {_MOST:,} objects", "Narrow it by a prefix.")
            passed.add(after)

    def fetch(self, item: SourceItem) -> bytes:
        """The object as it was listed."""
        most = self._reach.max_bytes
        if item.size > most:
            raise TooLarge(f"The object is larger than {most / 2**20:g} MB", "Raise the limit, or leave it out.")
        return self.store.content(key_of(item.path), item.revision, most)

    def _is_chosen(self, stored: Stored) -> bool:
        path = path_of(stored.key)
        return (
            bool(path)
            and stored.key.startswith(self._selection.prefix)
            and not (stored.key.endswith("/") and not stored.size)
            and self._included.fullmatch(path) is not None
            and self._excluded.fullmatch(path) is None
        )

    def _item(self, stored: Stored) -> SourceItem:
        template, key = self._selection.uri, stored.key
        uri = template.replace("{key}", quoted(key)) if template else self.store.address(key)
        return SourceItem(path_of(key), uri, stored.size, stored.revision, changed=stored.changed)


def path_of(key: str) -> str:
    """The path of the document under ``key``: the key itself, with controls, percent signs, backslashes, segments of dots and slashes
    without a name on both sides percent-encoded. :func:`key_of` takes it back, so no two keys share one."""
    path = _DOTS.sub(lambda found: "%2E" * len(found[0]), _ASTRAY.sub(lambda found: quote(found[0]), key))
    return _SLASH.sub("%2F", path)


def key_of(path: str) -> str:
    return unquote(path)


def quoted(key: str) -> str:
    """``key`` as the path of an address."""
    return quote(key, safe="/~")


def changed() -> AverError:
    return Unavailable("The object was changed while it was being ingested", "Follow the source again.")


def removed() -> AverError:
    return NotFound("The object was removed while it was being ingested", "Follow the source again.")


def archived() -> AverError:
    return InvalidInput("The object is archived, and cannot be read as it is", "Restore it, or exclude it.")
