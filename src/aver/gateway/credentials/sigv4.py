"""Signatures of requests to AWS.

Reference: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

__all__ = ["AwsCredentials", "SigV4"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = frozenset({"authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"})
"""Headers that may change on their way."""


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


class SigV4:
    """Signs for one service in one region. The key derived of a secret serves for a day.

    S3 wants to be told the content's digest, and has its own rule of paths:
    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
    """

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region
        self._path = _key_path if service == "s3" else _path
        self._derived: tuple[str, AwsCredentials | None, bytes] = ("", None, b"")

    def headers(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, credentials: AwsCredentials, now: datetime
    ) -> dict[str, str]:
        """What is to be added to ``headers``, all of which are signed. The path of ``url`` is signed as it stands: it must be sent so,
        without being quoted anew. ``now`` is in UTC."""
        parts = urlsplit(url)
        moment = now.strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        added = {"X-Amz-Date": moment}
        if credentials.token:
            added["X-Amz-Security-Token"] = credentials.token
        if self._service == "s3":
            added["X-Amz-Content-SHA256"] = digest
        signed = {name.lower(): " ".join(value.split()) for name, value in {**headers, **added}.items()}
        signed = {name: value for name, value in signed.items() if name not in _UNSIGNED}
        signed.setdefault("host", _host(parts.scheme, parts.netloc))
        names = sorted(signed)
        canonical = "\n".join(
            (
                method,
                self._path(parts.path),
                _query(parts.query),
                *[f"{name}:{signed[name]}" for name in names],
                "",
                ";".join(names),
                digest,
            )
        )
        day = moment[:8]
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        told = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        signature = hmac.digest(self._key(day, credentials), told.encode(), "sha256").hex()
        added["Authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        return added

    def _key(self, day: str, credentials: AwsCredentials) -> bytes:
        known_day, known, key = self._derived
        if known_day != day or known != credentials:
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = (day, credentials, key)
        return key


def _host(scheme: str, netloc: str) -> str:
    host = netloc.rpartition("@")[2]
    default = ":443" if scheme == "https" else ":80"
    return host.removesuffix(default)


def _path(path: str) -> str:
    """Quoted once more, whatever is quoted already, and without ``.``, ``..`` and empty segments (all services but S3)."""
    if not path:
        return "/"
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if segments:
                segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    tail = "/" if path.endswith("/") and segments else ""
    return quote("/" + "/".join(segments) + tail, safe="/~")


def _key_path(path: str) -> str:
    """As it stands, with all its segments: they are part of an object's key (S3)."""
    return path or "/"


def _query(query: str) -> str:
    """Pairs by name, then value, as they are quoted already."""
    if not query:
        return ""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs))
