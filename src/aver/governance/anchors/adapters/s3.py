"""Objects of a bucket under object lock, one a state: until the retention ends, nobody can change or delete them, whatever their rights
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html)."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote, urlencode

from aver.core import Clock, canonical_json, rfc3339
from aver.core.errors import SettingsError, Unavailable
from aver.gateway.credentials.sigv4 import AwsCredentials, SigV4
from aver.governance.anchors.asking import Answer, ask
from aver.governance.anchors.types import Anchor, AnchorKind, Prove, Statement

__all__ = ["S3Place"]

_SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_MOST_READ = 1000


@dataclass(frozen=True, slots=True)
class S3Place:
    """``credentials`` are asked for anew with each request. ``days`` is how long each object is locked."""

    bucket: str
    region: str
    endpoint: str
    prefix: str
    days: int
    mode: Literal["COMPLIANCE", "GOVERNANCE"]
    credentials: Callable[[], AwsCredentials]
    clock: Clock
    kind: AnchorKind = "s3"

    def put(self, statement: Statement, prove: Prove) -> Mapping[str, Any]:  # noqa: ARG002 - a bucket holds no one to account
        said = statement["anchor"]
        body = canonical_json(dict(statement))
        key = f"{self._below(said['tenant'])}{said['seq']:015}-{said['root'][:16]}.json"
        until = rfc3339(self.clock.now().replace(microsecond=0) + timedelta(days=self.days))
        headers = {
            "content-type": "application/json",
            "content-md5": b64encode(
                hashlib.md5(body, usedforsecurity=False).digest()
            ).decode(),  # the lock asks for it
            "x-amz-object-lock-mode": self.mode,
            "x-amz-object-lock-retain-until-date": until,
        }
        answer = self._ask("PUT", f"/{quote(key)}", body, headers)
        if answer.status != 200:
            raise _refused(answer, self.bucket)
        receipt = {
            "place": f"s3://{self.bucket}/{key}",
            "etag": answer.headers.get("etag", "").strip('"'),
            "until": until,
        }
        return receipt | {"version": answer.headers.get("x-amz-version-id", "")}

    def found(self, tenant: str, known: Sequence[Anchor]) -> Sequence[Statement]:
        """The first version of each object: a later one under the same key cannot stand in for it."""
        found: list[Statement] = []
        for anchor in known[:_MOST_READ]:
            key = str(anchor.receipt.get("place", "")).removeprefix(f"s3://{self.bucket}/")
            version = str(anchor.receipt.get("version", ""))
            query = f"?{urlencode({'versionId': version})}" if version else ""
            answer = self._ask("GET", f"/{quote(key)}{query}")
            if answer.status in (404, 405):
                continue
            if answer.status != 200:
                raise _refused(answer, self.bucket)
            found.append(_statement(answer.body))
        listed = self._listed(tenant)
        seen = {f"{each['anchor']['seq']:015}-{each['anchor']['root'][:16]}.json" for each in found}
        # What the table does not know of any more was anchored all the same.
        for key in [each for each in listed if each.rpartition("/")[2] not in seen][:_MOST_READ]:
            answer = self._ask("GET", f"/{quote(key)}")
            if answer.status == 200:
                found.append(_statement(answer.body))
        return found

    def _listed(self, tenant: str) -> list[str]:
        found, after = list[str](), ""
        while True:
            asked = {
                "list-type": "2",
                "prefix": self._below(tenant),
                **({"continuation-token": after} if after else {}),
            }
            answer = self._ask("GET", "/?" + urlencode(sorted(asked.items()), quote_via=quote, safe="~"))
            if answer.status != 200:
                raise _refused(answer, self.bucket)
            root = _xml(answer.body)
            found += [each.findtext(f"{_SPACE}Key", "") for each in root.iter(f"{_SPACE}Contents")]
            after = root.findtext(f"{_SPACE}NextContinuationToken", "")
            if not after or len(found) > 10 * _MOST_READ:
                return found

    def _below(self, tenant: str) -> str:
        return f"{self.prefix.strip('/')}/{tenant}/".lstrip("/")

    def _ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        url = f"{self.endpoint.rstrip('/')}/{self.bucket}{path}"
        signer = SigV4("s3", self.region)
        given = dict(headers or {})
        return ask(
            method, url, body, given | signer.headers(method, url, given, body, self.credentials(), self.clock.now())
        )


def _statement(body: bytes) -> Statement:
    try:
        found: Statement = json.loads(body)
    except ValueError:
        return {"anchor": {"seq": 0, "root": ""}, "signature": ""}
    return found


def _xml(body: bytes) -> ET.Element:
    if b"<!DOCTYPE" in body:
        raise Unavailable("The store answers with a document type", "Check the endpoint.")
    try:
        return ET.fromstring(body)  # noqa: S314
    except ET.ParseError:
        raise Unavailable("The store does not answer with XML", "Check the endpoint.") from None


def _refused(answer: Answer, bucket: str) -> Unavailable | SettingsError:
    try:
        code = _xml(answer.body).findtext("Code", "")
    except Unavailable:
        code = ""
    said = f"The bucket {bucket} refuses ({code or answer.status})"
    if code in ("InvalidRequest", "InvalidArgument", "NoSuchBucket", "AccessDenied"):
        return SettingsError(said, "It needs object lock, and keys that may put, get and list: correct anchors.s3.")
    return Unavailable(said, "See its status; it is tried again.")
