"""Azure's Blob service with one storage account: containers, blobs, and who may read them.

Written from https://learn.microsoft.com/rest/api/storageservices/list-blobs, .../get-blob, .../authorize-with-shared-key,
.../status-and-error-codes2 and .../blob-service-error-codes. Requests are signed by the account's key, carry a shared access signature or
a token, or ask for what is public.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService

__all__ = ["FakeBlobs"]

_MOST = 5000
_STATUSES = {
    "AuthenticationFailed": 403,
    "AuthorizationPermissionMismatch": 403,
    "BlobArchived": 409,
    "BlobNotFound": 404,
    "ConditionNotMet": 412,
    "ContainerNotFound": 404,
    "InternalError": 500,
    "InvalidAuthenticationInfo": 401,
    "InvalidQueryParameterValue": 400,
    "MissingRequiredHeader": 400,
    "OutOfRangeQueryParameterValue": 400,
    "ResourceNotFound": 404,
    "ServerBusy": 503,
    "UnsupportedHttpVerb": 405,
}
_OLDEST = "2015-02-21"
"""From this version on an empty body has no length in what is signed."""
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
"""A blob more is written each second from then on."""
_SKEW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Blob:
    content: bytes
    tag: str
    changed: datetime
    tier: str = "Hot"
    directory: bool = False


class FakeBlobs(FakeService):
    """``key`` is the account's, in base64. ``tokens`` are accepted as bearers, ``signatures`` as shared access signatures; ``public`` are
    the containers that anybody may read. ``most`` bounds the blobs of one answer, whatever is asked for."""

    def __init__(self, account: str = "handbooks", now: datetime | None = None) -> None:
        super().__init__()
        self.account = account
        self.key = base64.b64encode(hashlib.sha512(account.encode()).digest()).decode()
        self.tokens: set[str] = set()
        self.signatures: list[Mapping[str, str]] = []
        self.public: set[str] = set()
        self.containers: dict[str, dict[str, _Blob]] = {}
        self.most = _MOST
        self.now = now
        self._changes = 0

    def put(self, container: str, name: str, content: bytes, *, tier: str = "Hot", directory: bool = False) -> None:
        self._changes += 1
        tag = f"0x8D{self._changes:013X}"
        self.containers.setdefault(container, {})[name] = _Blob(
            content, tag, _BEGAN + timedelta(seconds=self._changes), tier, directory
        )

    def remove(self, container: str, name: str) -> None:
        del self.containers[container][name]

    def answer(self, asked: Asked) -> Answer:
        container, _, name = asked.path.removeprefix("/").partition("/")
        if problem := self._proof(asked, container):
            return _refused(problem)
        if asked.method != "GET":
            return _refused("UnsupportedHttpVerb")
        if container not in self.containers:
            return _refused("ContainerNotFound")
        blobs = self.containers[container]
        return _got(asked, blobs.get(name)) if name else self._list(asked.query, container, blobs)

    def _list(self, query: Mapping[str, str], container: str, blobs: Mapping[str, _Blob]) -> Answer:
        if (query.get("restype"), query.get("comp")) != ("container", "list"):
            return _refused("InvalidQueryParameterValue")
        asked, prefix = query.get("maxresults", str(_MOST)), query.get("prefix", "")
        if not asked.isdigit() or not 1 <= int(asked) <= _MOST:
            return _refused("OutOfRangeQueryParameterValue")
        names = sorted(name for name in blobs if name.startswith(prefix))
        if marker := query.get("marker"):
            try:
                first = base64.urlsafe_b64decode(marker.removeprefix("2!")).decode()
            except ValueError:
                return _refused("InvalidQueryParameterValue")
            names = [name for name in names if name >= first]
        most = min(int(asked), self.most)
        some, rest = names[:most], names[most:]
        following = "2!" + base64.urlsafe_b64encode(rest[0].encode()).decode() if rest else ""
        listed = "".join(_listed(name, blobs[name]) for name in some)
        return Answer(
            f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="{self.url}/" '
            f'ContainerName="{container}"><Prefix>{escape(prefix)}</Prefix><MaxResults>{asked}</MaxResults>'
            f"<Blobs>{listed}</Blobs><NextMarker>{following}</NextMarker></EnumerationResults>",
            headers={"Content-Type": "application/xml"},
        )

    def _proof(self, asked: Asked, container: str) -> str:
        """The code of what is wrong with a request's proof; "" when nothing is."""
        proof = asked.headers.get("authorization", "")
        scheme, _, rest = proof.partition(" ")
        if "sig" in asked.query:
            given = any(signature.items() <= asked.query.items() for signature in self.signatures)
            return "" if given else "AuthenticationFailed"
        if not proof:
            return "" if container in self.public else "ResourceNotFound"
        if asked.headers.get("x-ms-version", "") < _OLDEST:
            return "MissingRequiredHeader"
        if scheme == "Bearer":
            return "" if rest in self.tokens else "InvalidAuthenticationInfo"
        if scheme != "SharedKey" or not self._is_recent(asked.headers.get("x-ms-date") or asked.headers.get("date")):
            return "AuthenticationFailed"
        signature = base64.b64encode(
            hmac.new(base64.b64decode(self.key), self._signed(asked).encode(), hashlib.sha256).digest()
        ).decode()
        return "" if hmac.compare_digest(rest, f"{self.account}:{signature}") else "AuthenticationFailed"

    def _is_recent(self, said: str | None) -> bool:
        try:
            moment = parsedate_to_datetime(said or "")
        except ValueError:
            return False
        return abs(moment - (self.now or datetime.now(UTC))) < _SKEW

    def _signed(self, asked: Asked) -> str:
        """What the documentation calls the string to sign."""
        headers = asked.headers
        length = headers.get("content-length", "")
        lines = [asked.method, headers.get("content-encoding", ""), headers.get("content-language", "")]
        lines += ["" if length == "0" else length, headers.get("content-md5", ""), headers.get("content-type", "")]
        lines += ["" if "x-ms-date" in headers else headers.get("date", "")]
        for name in ("if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"):
            lines.append(headers.get(name, ""))
        lines += [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-ms-")]
        lines.append(f"/{self.account}{asked.raw_path}")
        for name in sorted(asked.queries, key=str.lower):
            lines.append(f"{name.lower()}:{','.join(sorted(asked.queries[name]))}")
        return "\n".join(lines)


def _got(asked: Asked, blob: _Blob | None) -> Answer:
    if blob is None:
        return _refused("BlobNotFound")
    if asked.headers.get("if-match", blob.tag).strip('"') != blob.tag:
        return _refused("ConditionNotMet")
    if blob.tier == "Archive":
        return _refused("BlobArchived")
    return Answer(blob.content, headers={"ETag": f'"{blob.tag}"', "x-ms-blob-type": "BlockBlob"})


def _listed(name: str, blob: _Blob) -> str:
    shown = f"<Name>{escape(name)}</Name>"
    if "\ufffe" in name or "\uffff" in name:
        shown = f'<Name Encoded="true">{quote(name)}</Name>'
    kind = "<ResourceType>directory</ResourceType>" if blob.directory else ""
    return (
        f"<Blob>{shown}<Properties><Last-Modified>{format_datetime(blob.changed, usegmt=True)}</Last-Modified><Etag>{blob.tag}</Etag>{kind}<Content-Length>{len(blob.content)}</Content-Length>"
        f"<AccessTier>{blob.tier}</AccessTier></Properties></Blob>"
    )


def _refused(code: str) -> Answer:
    return Answer(
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>See {code}.</Message></Error>',
        _STATUSES[code],
        {"Content-Type": "application/xml", "x-ms-error-code": code},
    )
