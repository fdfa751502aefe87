"""The registry's rows as records, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Row, delete, insert, select, update

from aver.core import rfc3339
from aver.core.errors import Conflict, InvalidInput, NotFound, VerificationFailed
from aver.releases.types import (
    FORMAT,
    Environment,
    FrozenFile,
    GateOutcome,
    GateRecord,
    Manifest,
    Move,
    MoveKind,
    Provenance,
    Release,
    SignOff,
)
from aver.store.control import (
    environment_moves,
    environments,
    past_rollouts,
    release_gates,
    release_sign_offs,
    release_signatures,
    release_tags,
    releases,
)

__all__ = [
    "DIGEST",
    "add_move",
    "all_releases",
    "find",
    "gates_of",
    "known_environments",
    "moves_of",
    "point",
    "read_manifest",
    "release_of",
    "remove_release",
    "sign_offs_of",
]

DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{7,64})")
"""A digest, or enough of its beginning to name it."""


def read_manifest(text: bytes | str, digest: str) -> Manifest:
    """The manifest whose canonical JSON ``text`` is. Raises :class:`VerificationFailed` unless it has ``digest``, and :class:`InvalidInput` for
    one of a newer Aver."""
    changed = VerificationFailed(
        f"The manifest of release {digest[:12]} was changed outside Aver", "Restore a backup, or import it again."
    )
    try:
        said = json.loads(text)
        if isinstance(said, dict) and said.get("format", FORMAT) != FORMAT:
            raise InvalidInput(
                f"The release has the format {said['format']!r:.40}", "Use the version of Aver that made it."
            )
        files = tuple(
            FrozenFile(each["path"], each["sha256"], each["size"], each.get("executable", False))
            for each in said["files"]
        )
        manifest = Manifest(files, said["declared"], said["assistant"], said["tools"], said["software"])
        held = manifest.digest
    except (ValueError, KeyError, TypeError, RecursionError):
        raise changed from None
    if held != digest:
        raise changed
    return manifest


def release_of(tx: Connection, digest: str) -> Release | None:
    row = tx.execute(select(releases).where(releases.c.digest == digest)).one_or_none()
    if row is None:
        return None
    tags = tx.scalars(select(release_tags.c.tag).where(release_tags.c.digest == digest).order_by(release_tags.c.tag))
    return _release(row, tuple(tags))


def find(tx: Connection, reference: str) -> Release:
    """A release by its tag, the environment that it is in force in, its digest, or the first seven or more characters of that. Raises
    :class:`NotFound`, and :class:`InvalidInput` where several begin so."""
    found: list[str] = []
    if reference.isprintable():  # no database takes NUL or half a character even as a question
        found = [*tx.scalars(select(release_tags.c.digest).where(release_tags.c.tag == reference))]
        found = found or [*tx.scalars(select(environments.c.digest).where(environments.c.name == reference))]
    if not found and (digest := DIGEST.fullmatch(reference)):
        begins = releases.c.digest.startswith(digest[1], autoescape=True)
        found = [*tx.scalars(select(releases.c.digest).where(begins).limit(2))]
    if len(found) > 1:
        raise InvalidInput(f"Several releases begin with {reference!r}", "Write more of the digest.")
    release = release_of(tx, found[0]) if found else None
    if release is None:
        raise NotFound(f"There is no release {reference[:80]!r}", "See which there are: aver release list")
    return release


def all_releases(tx: Connection, most: int | None = None, skip: int = 0) -> list[Release]:
    """Newest first; ``most`` of them, behind the first ``skip``, where that is given."""
    tags: dict[str, list[str]] = {}
    for row in tx.execute(select(release_tags).order_by(release_tags.c.tag)):
        tags.setdefault(row.digest, []).append(row.tag)
    query = select(releases).order_by(releases.c.created.desc(), releases.c.digest)
    rows = tx.execute(query if most is None else query.limit(most).offset(skip))
    return [_release(row, tuple(tags.get(row.digest, ()))) for row in rows]


def _release(row: Row[Any], tags: tuple[str, ...]) -> Release:
    manifest = read_manifest(row.manifest, row.digest)
    made = Provenance(**row.provenance)
    return Release(manifest, datetime.fromisoformat(row.created), row.created_by, made, tags)


def sign_offs_of(tx: Connection, digest: str) -> list[SignOff]:
    """Oldest first."""
    signed = select(release_sign_offs).where(release_sign_offs.c.digest == digest).order_by(release_sign_offs.c.at)
    return [SignOff(row.role, row.by, datetime.fromisoformat(row.at), row.note) for row in tx.execute(signed)]


def gates_of(tx: Connection, digest: str) -> list[GateRecord]:
    """Oldest first."""
    said = select(release_gates).where(release_gates.c.digest == digest).order_by(release_gates.c.number)
    return [
        GateRecord(row.digest, cast(GateOutcome, row.outcome), datetime.fromisoformat(row.at), row.by, row.attestation)
        for row in tx.execute(said)
    ]


def moves_of(tx: Connection, environment: str, *, digest: str = "") -> list[Move]:
    """Oldest first; with ``digest``, those to that release."""
    query = select(environment_moves).where(environment_moves.c.environment == environment)
    if digest:
        query = query.where(environment_moves.c.digest == digest)
    return [
        Move(
            row.environment,
            row.revision,
            cast(MoveKind, row.kind),
            row.digest,
            row.before,
            row.by,
            row.reason,
            datetime.fromisoformat(row.at),
            tuple(row.lacked),
        )
        for row in tx.execute(query.order_by(environment_moves.c.revision))
    ]


def add_move(tx: Connection, move: Move) -> None:
    tx.execute(insert(environment_moves), asdict(move) | {"at": rfc3339(move.at), "lacked": list(move.lacked)})


def known_environments(tx: Connection, names: Iterable[str] | None = None) -> dict[str, Environment]:
    """By name, those that a release was ever in."""
    query = select(environments).order_by(environments.c.name)
    if names is not None:
        query = query.where(environments.c.name.in_(list(names)))
    return {
        row.name: Environment(
            row.name, row.digest, row.previous, datetime.fromisoformat(row.changed), row.rollout, row.revision
        )
        for row in tx.execute(query)
    }


def point(
    tx: Connection,
    was: Environment,
    now: datetime,
    *,
    digest: str,
    previous: str,
    rollout: Mapping[str, Any] | None = None,
) -> Environment:
    """Point an environment, as it was read, to a release. A rollout that is over is kept among the past ones. Raises
    :class:`~aver.core.errors.Conflict` when somebody else has changed it since."""
    found = Environment(was.name, digest, previous, now, rollout, was.revision + 1)
    values = {
        "digest": digest,
        "previous": previous,
        "changed": rfc3339(now),
        "rollout": rollout,
        "revision": found.revision,
    }
    if was.revision == 0:
        tx.execute(insert(environments), {"name": was.name, **values})
    else:
        mine = (environments.c.name == was.name, environments.c.revision == was.revision)
        if tx.execute(update(environments).where(*mine).values(**values)).rowcount != 1:
            raise Conflict(f"The environment {was.name!r} was changed meanwhile", "Look at it again: aver release list")
    if was.rollout is not None and (rollout is None or rollout.get("id") != was.rollout.get("id")):
        ended = {
            "environment": was.name,
            "revision": found.revision,
            "rollout": was.rollout,
            "ended": rfc3339(now),
        }
        tx.execute(insert(past_rollouts), ended)
    return found


def remove_release(tx: Connection, digest: str) -> None:
    """With everything that was said of it."""
    for table in (release_tags, release_sign_offs, release_gates, release_signatures):
        tx.execute(delete(table).where(table.c.digest == digest))
    tx.execute(delete(releases).where(releases.c.digest == digest))
