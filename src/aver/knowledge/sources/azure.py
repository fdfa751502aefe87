"""A container of Azure Blob Storage: its blobs, each with its entity tag.

References: https://learn.microsoft.com/rest/api/storageservices/list-blobs,
https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key and
https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes.
"""

from __future__ import annotations

import binascii
import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree.ElementTree import Element

from aver.core.errors import AverError, NotFound, SettingsError, SourceDenied, Unavailable
from aver.gateway.config.shapes import Boolean, Field, Text
from aver.gateway.config.words import CREDENTIAL
from aver.gateway.credentials.azure import EntraTokens
from aver.knowledge.sources.answers import instant
from aver.knowledge.sources.http import Http, Reply, Request
from aver.knowledge.sources.identity import Identity
from aver.knowledge.sources.object_xml import refusal, root_of, size_of, text_of
from aver.knowledge.sources.objects import (
    ENDPOINT,
    PAGE,
    SELECTION,
    ObjectSource,
    Selection,
    Stored,
    archived,
    changed,
    quoted,
    removed,
)
from aver.knowledge.sources.types import Kind, Reach

__all__ = ["KIND", "AzureStore", "Options", "shared_key"]

_ACCOUNT = Text(pattern=r"[a-z0-9]{3,24}", expected="an account's name")
_CONTAINER = Text(pattern=r"[$a-z0-9][a-z0-9-]*", expected="a container's name")
_SAID = {"x-ms-version": "2021-12-02"}
_RESOURCE = "https://storage.azure.com"
_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
"""Headers whose values are signed without their names, in this order."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ABSENT = frozenset({"ContainerNotFound", "ResourceNotFound", "ContainerBeingDeleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Selection):
    """``key`` and ``sas`` are references to secrets: the account's key, or a shared access signature. Without them Aver is to Microsoft
    Entra who its environment says."""

    account: str
    container: str
    endpoint: str = ""
    key: str = ""
    sas: str = ""
    anonymous: bool = False

    def __post_init__(self) -> None:
        if sum(map(bool, (self.key, self.sas, self.anonymous))) > 1:
            raise SettingsError("key, sas and anonymous exclude each other", "Keep one of them.")
        address = urlsplit(self.endpoint)
        if self.sas and address.scheme == "http" and address.hostname not in _LOOPBACK:
            raise SettingsError("the shared access signature would travel in clear", "Use an https address.")


class AzureStore:
    """``page_size`` is in blobs."""

    def __init__(self, name: str, options: Options, reach: Reach, page_size: int = PAGE) -> None:
        self._options = options
        self._reach = reach
        self._page_size = page_size
        endpoint = options.endpoint or f"https://{options.account}.blob.core.windows.net"
        self.http = Http(
            name,
            f"{endpoint.rstrip('/')}/{options.container}",
            reach.clock,
            credentials=_bearer(options, reach),
            signature=self._signed if options.key else lambda _: {},
            unproven=lambda reply: reply.status == 401 or refusal(reply) == "AuthenticationFailed",
            meaning=self._meaning,
        )

    def page(self, prefix: str, after: str) -> tuple[Sequence[Stored], str]:
        asked = {"restype": "container", "comp": "list", "maxresults": self._page_size, "prefix": prefix or None}
        reply = self.http.get("", {**asked, "marker": after or None, **self._access()}, _SAID)
        root = root_of(reply, "EnumerationResults")
        blobs = (each for each in root.iter("Blob") if text_of(each, "Properties/ResourceType") != "directory")
        return tuple(map(_stored, blobs)), text_of(root, "NextMarker")

    def content(self, key: str, revision: str, most: int) -> bytes:
        state = {"If-Match": f'"{revision}"'} if revision else {}
        return self.http.get(self.address(key), self._access(), {**_SAID, **state}, most=most).body

    def address(self, key: str) -> str:
        return f"{self.http.base}/{quoted(key)}"

    def _access(self) -> Mapping[str, str]:
        """The shared access signature, as the parameters that it is made of."""
        return dict(parse_qsl(self._reach.secret(self._options.sas).lstrip("?"))) if self._options.sas else {}

    def _signed(self, request: Request) -> Mapping[str, str]:
        dated = {"x-ms-date": format_datetime(self._reach.clock.now(), usegmt=True)}
        key = self._reach.secret(self._options.key)
        headers = {**request.headers, **dated}
        return {**dated, "Authorization": shared_key(self._options.account, key, request.method, request.url, headers)}

    def _meaning(self, reply: Reply) -> AverError | None:  # noqa: PLR0911 - one a code
        code, name = refusal(reply), self.http.name
        if code in _ABSENT:
            return NotFound(
                f"There is no container {self._options.container} at {urlsplit(self.http.base).hostname}",
                "Check its name, and whether it may be read without credentials.",
            )
        match code:
            case "BlobNotFound":
                return removed()
            case "ConditionNotMet":
                return changed()
            case "BlobArchived" | "BlobBeingRehydrated":
                return archived()
            case "AuthorizationPermissionMismatch" | "AuthorizationFailure" | "PublicAccessNotPermitted":
                return SourceDenied(
                    f"{name} does not let Aver in ({code})",
                    "Check its credentials, and that they may read: the role Storage Blob Data Reader.",
                )
            case "AuthenticationFailed" | "InvalidAuthenticationInfo" | "NoAuthenticationInformation":
                return SourceDenied(f"{name} does not accept its credentials ({code})", "Renew them.")
        return (
            Unavailable(f"{name} answered {code} ({reply.status})", "See its status; follow it later.")
            if code
            else None
        )


def shared_key(account: str, key: str, method: str, url: str, headers: Mapping[str, str]) -> str:
    """The header ``Authorization`` by which the account's ``key`` signs a request without content. The path of ``url`` is signed as it
    stands. Raises :class:`~aver.core.errors.SourceDenied` for what is no key."""
    parts = urlsplit(url)
    given = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    own = sorted((name, value) for name, value in given.items() if name.startswith("x-ms-"))
    asked: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        asked.setdefault(name.lower(), []).append(value)
    told = "\n".join(
        (
            method,
            *(given.get(name, "") for name in _SIGNED),
            *(f"{name}:{value}" for name, value in own),
            f"/{account}{parts.path or '/'}",
            *(f"{name}:{','.join(sorted(values))}" for name, values in sorted(asked.items())),
        )
    )
    try:
        secret = b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise SourceDenied("The key of the storage account is not in base64", "Copy it as Azure shows it.") from None
    return f"SharedKey {account}:{b64encode(hmac.digest(secret, told.encode(), 'sha256')).decode()}"


def _bearer(options: Options, reach: Reach) -> Callable[[bool], Mapping[str, str]]:
    if options.key or options.sas or options.anonymous:
        return lambda _: {}
    identity = Identity(EntraTokens(os.environ, reach.clock, _RESOURCE).fetch, reach.clock)
    return lambda refused: {"Authorization": f"Bearer {identity.get(anew=refused)}"}


def _stored(blob: Element) -> Stored:
    """Names that XML cannot hold are percent-encoded, and say so."""
    name = text_of(blob, "Name")
    encoded = blob.find("Name[@Encoded='true']") is not None
    size, tag = size_of(blob, "Properties/Content-Length"), text_of(blob, "Properties/Etag").strip('"')
    return Stored(unquote(name) if encoded else name, size, tag, instant(text_of(blob, "Properties/Last-Modified")))


def _open(name: str, options: Options, reach: Reach) -> ObjectSource:
    return ObjectSource(name, options, reach, AzureStore(name, options, reach))


KIND = Kind(
    "azure",
    "The blobs of a container of Azure Blob Storage.",
    {
        "account": Field(_ACCOUNT, "The storage account's name.", required=True),
        "container": Field(_CONTAINER, "The container's name.", required=True),
        "endpoint": Field(ENDPOINT, "The service's address, where it is not Azure's."),
        "key": Field(CREDENTIAL, "Where a key of the account is kept, such as env:AZURE_STORAGE_KEY."),
        "sas": Field(CREDENTIAL, "Where a shared access signature is kept."),
        "anonymous": Field(Boolean(), "For a public container: ask without credentials."),
        **SELECTION,
    },
    Options,
    _open,
)
