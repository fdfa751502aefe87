"""A bucket of Google Cloud Storage: its objects, each with its generation.

References: https://cloud.google.com/storage/docs/json_api/v1/objects/list,
https://cloud.google.com/storage/docs/json_api/v1/objects/get and https://cloud.google.com/storage/docs/request-preconditions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from aver.core.errors import AverError, NotFound, SettingsError, SourceDenied, Unavailable
from aver.gateway.config.shapes import Boolean, Field, Text
from aver.gateway.config.words import CREDENTIAL
from aver.gateway.credentials.google import GoogleTokens
from aver.gateway.credentials.types import Fetched
from aver.knowledge.sources.answers import instant, part_of
from aver.knowledge.sources.http import Http, Reply
from aver.knowledge.sources.identity import Identity
from aver.knowledge.sources.objects import (
    ENDPOINT,
    PAGE,
    SELECTION,
    ObjectSource,
    Selection,
    Stored,
    changed,
    quoted,
    removed,
)
from aver.knowledge.sources.types import Kind, Reach

__all__ = ["KIND", "GcsStore", "Options"]

_BUCKET = Text(pattern=r"[a-z0-9][a-z0-9._-]{1,221}", expected="a bucket's name")
_GOOGLE = "https://storage.googleapis.com"
_BROWSER = "https://storage.cloud.google.com"
"""Where a person who is signed in to Google opens an object."""
_PARTS = "kind,items(name,size,generation,timeCreated),nextPageToken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Selection):
    """``credentials`` is a reference to a service account's file, or to a token; without it Aver is to Google who its environment says."""

    bucket: str
    endpoint: str = ""
    credentials: str = ""
    anonymous: bool = False

    def __post_init__(self) -> None:
        if self.credentials and self.anonymous:
            raise SettingsError("credentials and anonymous exclude each other", "Keep one of them.")


class GcsStore:
    """``page_size`` is in objects."""

    def __init__(self, name: str, options: Options, reach: Reach, page_size: int = PAGE) -> None:
        self._options = options
        self._page_size = page_size
        base = f"{(options.endpoint or _GOOGLE).rstrip('/')}/storage/v1/b/{options.bucket}/o"
        self.http = Http(name, base, reach.clock, credentials=_bearer(options, reach), meaning=self._meaning)

    def page(self, prefix: str, after: str) -> tuple[Sequence[Stored], str]:
        asked = {"maxResults": self._page_size, "fields": _PARTS, "prefix": prefix or None, "pageToken": after or None}
        said = self.http.get("", asked).json()
        if part_of(said, "kind") != "storage#objects":  # one of an empty bucket has nothing else
            raise self._unlisted()
        try:
            objects = tuple(
                Stored(
                    str(each["name"]),
                    int(each["size"]),
                    str(each["generation"]),
                    instant(str(each.get("timeCreated"))),  # of the generation; "updated" is of its metadata too
                )
                for each in said.get("items", ())
            )
            more = said.get("nextPageToken") or ""
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._unlisted() from None
        return objects, str(more)

    def _unlisted(self) -> Unavailable:
        said = f"{self.http.name} did not answer with a list of its objects"
        return Unavailable(said, "Check its address and its kind.")

    def content(self, key: str, revision: str, most: int) -> bytes:
        asked = {"alt": "media", "ifGenerationMatch": revision}
        return self.http.get(f"{self.http.base}/{quote(key, safe='~')}", asked, most=most).body

    def address(self, key: str) -> str:
        return f"{(self._options.endpoint or _BROWSER).rstrip('/')}/{self._options.bucket}/{quoted(key)}"

    def _meaning(self, reply: Reply) -> AverError | None:
        listing = urlsplit(reply.url).path == urlsplit(self.http.base).path
        match reply.status:
            case 404 if listing:
                return NotFound(
                    f"There is no bucket {self._options.bucket} at {urlsplit(reply.url).hostname}", "Check its name."
                )
            case 404:
                return removed()
            case 412:
                return changed()
            case 403:
                return SourceDenied(
                    f"{self.http.name} may not be read", "Grant its account Storage Object Viewer on the bucket."
                )
        return None


def _bearer(options: Options, reach: Reach) -> Callable[[bool], Mapping[str, str]]:
    if options.anonymous:
        return lambda _: {}

    def fetch() -> Coroutine[Any, Any, Fetched[str]]:
        text = reach.secret(options.credentials) if options.credentials else None
        return GoogleTokens(os.environ, reach.clock, None if text is None else _given(text)).fetch()

    identity = Identity(fetch, reach.clock)
    return lambda refused: {"Authorization": f"Bearer {identity.get(anew=refused)}"}


def _given(text: str) -> Callable[[], Coroutine[Any, Any, str]]:
    async def give() -> str:
        return text

    return give


def _open(name: str, options: Options, reach: Reach) -> ObjectSource:
    return ObjectSource(name, options, reach, GcsStore(name, options, reach))


KIND = Kind(
    "gcs",
    "The objects of a bucket of Google Cloud Storage.",
    {
        "bucket": Field(_BUCKET, "The bucket's name.", required=True),
        "endpoint": Field(ENDPOINT, "The service's address, where it is not Google's."),
        "credentials": Field(CREDENTIAL, "Where a service account's file or a token is kept, such as env:GCS_ACCOUNT."),
        "anonymous": Field(Boolean(), "For a public bucket: ask without credentials."),
        **SELECTION,
    },
    Options,
    _open,
)
