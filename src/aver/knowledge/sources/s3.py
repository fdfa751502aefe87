"""A bucket of Amazon S3, or of a store that speaks its protocol (MinIO, Ceph, Cloudflare R2): its objects, each with its entity tag.

References: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from aver.core.errors import AverError, NotFound, SettingsError, SourceDenied, Unavailable
from aver.gateway.config.shapes import Boolean, Choice, Field, Text
from aver.gateway.config.words import CREDENTIAL
from aver.gateway.credentials.aws import AwsIdentity, region_of
from aver.gateway.credentials.sigv4 import AwsCredentials, SigV4
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

__all__ = ["KIND", "Options", "S3Store"]

_BUCKET = Text(pattern=r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}", expected="a bucket's name")
_REGION = Text(pattern=r"[a-z0-9-]+", expected="a region such as eu-west-1")
_STALE = frozenset({"ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "TokenRefreshRequired"})
"""Codes of keys that may have been replaced in the meantime; they come with status 400 or 403."""
_ELSEWHERE = frozenset({"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
"""Codes by which a bucket of another region refuses, if they name that region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Selection):
    """``key_id``, ``secret_key`` and ``session_token`` are references to secrets; without them Aver is to AWS who its environment says,
    or the section ``profile`` of AWS's shared file."""

    bucket: str
    region: str = ""
    endpoint: str = ""
    addressing: str = ""
    key_id: str = ""
    secret_key: str = ""
    session_token: str = ""
    profile: str = ""
    anonymous: bool = False

    def __post_init__(self) -> None:
        if bool(self.key_id) != bool(self.secret_key) or (self.session_token and not self.key_id):
            raise SettingsError("key_id and secret_key go together", "Name both, or neither.")
        if sum(map(bool, (self.key_id, self.profile, self.anonymous))) > 1:
            raise SettingsError("keys, a profile and anonymous exclude each other", "Keep one of them.")
        if self.addressing == "virtual" and "." in self.bucket and self.endpoint.startswith("https"):
            raise SettingsError("no certificate covers a bucket with dots as a host", "Write addressing: path.")


class S3Store:
    """``page_size`` is in objects."""

    def __init__(self, name: str, options: Options, reach: Reach, page_size: int = PAGE) -> None:
        self._options = options
        self._clock = reach.clock
        self._page_size = page_size
        self._region = options.region or region_of(os.environ) or ("us-east-1" if options.endpoint else "")
        if not self._region:
            raise SettingsError(f"{name} is in no region", "Write region: ..., or set AWS_REGION.")
        self._credentials = _credentials(options, reach)
        self._signature = SigV4("s3", self._region)
        self.http = Http(
            name,
            _base(options, self._region),
            reach.clock,
            signature=self._signed,
            unproven=lambda reply: reply.status == 401 or refusal(reply) in _STALE,
            meaning=self._meaning,
        )

    def page(self, prefix: str, after: str) -> tuple[Sequence[Stored], str]:
        asked = {"list-type": 2, "encoding-type": "url", "max-keys": self._page_size, "prefix": prefix or None}
        root = root_of(self.http.get("", {**asked, "continuation-token": after or None}), "ListBucketResult")
        decoded = unquote_plus if text_of(root, "EncodingType") == "url" else str
        objects = tuple(
            Stored(
                decoded(text_of(each, "Key")),
                size_of(each, "Size"),
                text_of(each, "ETag").strip('"'),
                instant(text_of(each, "LastModified")),
            )
            for each in root.iter("Contents")
        )
        more = text_of(root, "NextContinuationToken")
        if text_of(root, "IsTruncated") != "true":
            return objects, ""
        if not more:
            raise Unavailable(
                f"{self.http.name} has more objects, and does not say where they begin",
                "Use a store that speaks version 2 of S3's listing.",
            )
        return objects, more

    def content(self, key: str, revision: str, most: int) -> bytes:
        state = {"If-Match": f'"{revision}"'} if revision else {}
        return self.http.get(self.address(key), headers=state, most=most).body

    def address(self, key: str) -> str:
        return f"{self.http.base}/{quoted(key)}"

    def _signed(self, request: Request) -> Mapping[str, str]:
        """Host, date and digest are signed, and nothing that a proxy may change."""
        credentials = self._credentials(request.refused)
        if credentials is None:
            return {}
        return self._signature.headers(request.method, request.url, {}, request.body, credentials, self._clock.now())

    def _meaning(self, reply: Reply) -> AverError | None:  # noqa: PLR0911 - one a code
        code, name, bucket = refusal(reply), self.http.name, self._options.bucket
        region = reply.headers.get("x-amz-bucket-region") or refusal(reply, "Region")
        if reply.status == 301 or (region and code in _ELSEWHERE):
            where = f"in {region[:40]}" if region.isprintable() and region else "elsewhere"
            return SettingsError(
                f"The bucket {bucket} of {name} is {where}, not in {self._region}", "Correct region, or endpoint."
            )
        match code, reply.status:
            case "NoSuchBucket", _:
                return NotFound(f"There is no bucket {bucket} at {urlsplit(self.http.base).hostname}", "Correct it.")
            case (("NoSuchKey" | "NoSuchVersion"), _):
                return removed()
            case "InvalidObjectState", _:
                return archived()
            case _, 412:
                return changed()
            case "RequestTimeTooSkewed", _:
                return SourceDenied(f"{name} finds that this machine's clock is wrong", "Set it right.")
            case "AccessDenied", _:
                return SourceDenied(
                    f"{name} does not let Aver in (AccessDenied)",
                    "Allow s3:ListBucket on the bucket and s3:GetObject on its objects.",
                )
            case "SignatureDoesNotMatch", _:
                return SourceDenied(f"{name} does not accept its credentials ({code})", "Check the secret key.")
        if code in _STALE:
            return SourceDenied(f"{name} does not accept its credentials ({code})", "Renew them.")
        return (
            Unavailable(f"{name} answered {code} ({reply.status})", "See its status; follow it later.")
            if code
            else None
        )


def _base(options: Options, region: str) -> str:
    """The bucket's address: its name as a part of the host, or after it where the host cannot have it."""
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    endpoint = urlsplit(options.endpoint or f"https://s3.{region}.{domain}")
    style = options.addressing or ("path" if options.endpoint or "." in options.bucket else "virtual")
    below = endpoint.path.rstrip("/")
    if style == "virtual":
        return f"{endpoint.scheme}://{options.bucket}.{endpoint.netloc}{below}"
    return f"{endpoint.scheme}://{endpoint.netloc}{below}/{options.bucket}"


def _credentials(options: Options, reach: Reach) -> Callable[[bool], AwsCredentials | None]:
    """What gives them, told whether the last ones were refused; ``None`` for whoever asks without any."""
    if options.anonymous:
        return lambda _: None
    if options.key_id:
        names = (options.key_id, options.secret_key, options.session_token)
        return lambda _: AwsCredentials(*(reach.secret(name) if name else "" for name in names))
    identity = Identity(AwsIdentity(os.environ, reach.clock, options.profile).fetch, reach.clock)
    return lambda refused: identity.get(anew=refused)


def _open(name: str, options: Options, reach: Reach) -> ObjectSource:
    return ObjectSource(name, options, reach, S3Store(name, options, reach))


KIND = Kind(
    "s3",
    "The objects of a bucket of Amazon S3, or of a store that speaks its protocol.",
    {
        "bucket": Field(_BUCKET, "The bucket's name.", required=True),
        "region": Field(_REGION, "Where the bucket is; as AWS_REGION says, without it."),
        "endpoint": Field(ENDPOINT, "The store's address, where it is not AWS's."),
        "addressing": Field(
            Choice("way of addressing", ("path", "virtual")), "Whether the bucket is part of the path or the host."
        ),
        "key_id": Field(CREDENTIAL, "Where the access key's id is kept, such as env:S3_KEY_ID."),
        "secret_key": Field(CREDENTIAL, "Where the secret access key is kept, such as env:S3_SECRET_KEY."),
        "session_token": Field(CREDENTIAL, "Where the token of temporary keys is kept."),
        "profile": Field(Text(), "A section of AWS's shared file of credentials."),
        "anonymous": Field(Boolean(), "For a public bucket: ask without credentials."),
        **SELECTION,
    },
    Options,
    _open,
)
