"""The JSON API of Google Cloud Storage: buckets, objects with their generations, and who may read them.

Written from https://cloud.google.com/storage/docs/json_api/v1/objects/list, .../objects/get,
https://cloud.google.com/storage/docs/json_api/v1/status-codes and https://cloud.google.com/storage/docs/request-preconditions.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService

__all__ = ["FakeBuckets"]

_MOST = 1000
_ROOT = "/storage/v1/b/"


@dataclass(frozen=True, slots=True)
class _Object:
    content: bytes
    generation: int


class FakeBuckets(FakeService):
    """``tokens`` are accepted as bearers; ``public`` are the buckets that anybody may read, ``closed`` those that no account may. ``most``
    bounds the objects of one answer, whatever is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()
        self.public: set[str] = set()
        self.closed: set[str] = set()
        self.buckets: dict[str, dict[str, _Object]] = {}
        self.most = _MOST
        self._generation = 1_700_000_000_000_000

    def put(self, bucket: str, name: str, content: bytes) -> None:
        self._generation += 1
        self.buckets.setdefault(bucket, {})[name] = _Object(content, self._generation)

    def remove(self, bucket: str, name: str) -> None:
        del self.buckets[bucket][name]

    def answer(self, asked: Asked) -> Answer:
        # The object's name is one segment, whatever slashes are in it.
        bucket, below, name = asked.raw_path.removeprefix(_ROOT).partition("/o")
        if not asked.raw_path.startswith(_ROOT) or not below or "/" in name[1:] or asked.method != "GET":
            return _refused(404, "Not Found")
        if (problem := self._proof(asked, bucket)) is not None:
            return problem
        if bucket not in self.buckets:
            return _refused(404, "The specified bucket does not exist.")
        objects = self.buckets[bucket]
        return self._get(asked.query, unquote(name[1:]), objects) if name else self._list(asked.query, objects)

    def _get(self, query: Mapping[str, str], name: str, objects: Mapping[str, _Object]) -> Answer:
        found = objects.get(name)
        if found is None:
            return _refused(404, f"No such object: {name}")
        wanted = query.get("ifGenerationMatch", str(found.generation))
        if not wanted.isdigit():
            return _refused(400, "Invalid value for: generation")
        if int(wanted) != found.generation:
            return _refused(412, "At least one of the pre-conditions you specified did not hold.")
        if query.get("alt") != "media":
            return Answer(_resource(name, found))
        return Answer(found.content, headers={"x-goog-generation": str(found.generation)})

    def _list(self, query: Mapping[str, str], objects: Mapping[str, _Object]) -> Answer:
        asked = query.get("maxResults", str(_MOST))
        if not asked.isdigit() or int(asked) < 1:
            return _refused(400, "Invalid value for: maxResults")
        names = sorted(name for name in objects if name.startswith(query.get("prefix", "")))
        if token := query.get("pageToken"):
            try:
                last = base64.urlsafe_b64decode(token).decode()
            except ValueError:
                return _refused(400, "Invalid value for: pageToken")
            names = [name for name in names if name > last]
        most = min(int(asked), _MOST, self.most)
        some = names[:most]
        said: dict[str, object] = {"kind": "storage#objects"}
        if some:
            said["items"] = [_resource(name, objects[name]) for name in some]
        if len(names) > len(some):
            said["nextPageToken"] = base64.urlsafe_b64encode(some[-1].encode()).decode()
        return Answer(_picked(said, query.get("fields")))

    def _proof(self, asked: Asked, bucket: str) -> Answer | None:
        proof = asked.headers.get("authorization")
        if proof is not None and proof.removeprefix("Bearer ") not in self.tokens:
            return _refused(401, "Invalid Credentials")
        if bucket in self.public:
            return None
        if proof is None:
            return _refused(401, "Anonymous caller does not have storage.objects.list access to the bucket.")
        return (
            _refused(403, "The account does not have storage.objects.list access.") if bucket in self.closed else None
        )


def _resource(name: str, found: _Object) -> dict[str, object]:
    """Numbers of 64 bits are text in Google's JSON."""
    size = str(len(found.content))
    made = datetime.fromtimestamp(found.generation / 1e6, UTC).isoformat()  # as Google numbers generations
    told = {"generation": str(found.generation), "timeCreated": made, "updated": made}
    return {"kind": "storage#object", "name": name, "size": size, **told}


def _picked(said: dict[str, object], fields: str | None) -> dict[str, object]:
    """As Google's partial responses: of what the listing says, and of each item, only what ``fields`` names."""
    if fields is None:
        return said
    inner = fields.partition("items(")[2].partition(")")[0].split(",")
    kept = {name: value for name, value in said.items() if name in fields.replace("(", ",").split(",")}
    items = kept.get("items")
    if isinstance(items, list):
        kept["items"] = [{name: each[name] for name in inner} for each in items]
    return kept


def _refused(status: int, message: str) -> Answer:
    return Answer({"error": {"code": status, "message": message, "errors": [{"message": message}]}}, status)
