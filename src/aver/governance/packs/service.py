"""Making a pack: the sealed steps of a period without their content, all that vouches for them, and what controls come to."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection

from aver.core import Clock, canonical_json, new_id, rfc3339
from aver.core.errors import InvalidInput
from aver.evidence import Draft, Ledger
from aver.evidence.chain import Chain
from aver.evidence.clear import place_of
from aver.evidence.export import replacing
from aver.evidence.keys import DataKey, Keyring
from aver.evidence.record import GENESIS, CheckpointRow, StepRow, commitment, is_disposed
from aver.evidence.rows import checkpoints_between, hash_at, steps_from
from aver.evidence.signing import fingerprint, signed_by_holder
from aver.evidence.types import Head
from aver.governance.anchors.prover import StepTree
from aver.governance.anchors.service import Anchors
from aver.governance.packs.container import Container
from aver.governance.packs.page import page_of
from aver.governance.proof.asking import Step
from aver.governance.proof.joined import joined
from aver.governance.proof.judging import Judging
from aver.governance.proof.terms import FORMAT, MANIFEST, SIGNATURE, VERSION
from aver.store import TenantStore

__all__ = ["Made", "Packs", "Progress"]

_PART = 50_000  # a multiple of _BATCH
"""Steps a file of a pack."""
_BATCH = 2000
_README = """This is evidence of Aver: what happened in a period, sealed, and what controls come to over it.

Verify it, on any machine with Python 3.11 or newer and nothing else:

    python -I -S aver-verify.py PACK.zip --key FINGERPRINT

Where there are timestamps, --tsa-certificate FILE names the certificate of an authority that you trust.

Take aver-verify.py from a place that you trust, and the fingerprint of the tenant's key from the tenant, by another way than this pack.

index.html     the results, to read
results.json   the results of each control, with the numbers of the steps they rest on
controls.json  the controls, and the queries that each rests on
steps/         the steps in order: who and what in clear as ids and numbers, the content as a commitment (SHA-256 of its ciphertext)
anchors.json   states of the chain that were told to places outside, what these gave for it, and the proofs that each grew out of the one before
keys.json      the public halves of the keys
manifest.json  the digests of all of it; manifest.sig is its signature

What the pack does not prove is said at the foot of index.html.
"""

Progress = Callable[[int, int], None]
"""Told how many steps of how many are done."""


@dataclass(frozen=True, slots=True)
class Made:
    """A pack that was made. ``outcomes`` counts controls; ``digest`` is SHA-256 of the file, hexadecimal."""

    file: Path
    tenant: str
    since: datetime
    until: datetime
    first: int
    last: int
    bytes: int
    digest: str
    fingerprint: str
    anchors: int
    outcomes: Mapping[str, int]


class Packs:
    """Blocking."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock, anchors: Anchors) -> None:
        self._store, self._ledger, self._clock, self._anchors = store, ledger, clock, anchors

    def make(
        self,
        out: Path,
        *,
        since: datetime,
        until: datetime,
        frameworks: Sequence[Mapping[str, Any]],
        by: str = "",
        with_content: bool = False,
        progress: Progress = lambda _done, _all: None,
    ) -> Made:
        """Put the steps from ``since`` on and before ``until`` into ``out``, with the results of ``frameworks`` as
        :func:`aver.governance.controls.reading.plain_frameworks` gives them. The same evidence gives the same bytes. ``with_content`` adds to each step that
        can still be read its ciphertext and the key of that one step; an erasure does not reach into files given away.

        Appends a step ``packed``. Raises :class:`~aver.core.errors.InvalidInput` for a period without steps or that has not ended, and
        :class:`~aver.core.errors.VerificationFailed` at the first step that does not hold: nothing is signed that was changed.
        """
        if until > self._clock.now() or since >= until:
            raise InvalidInput(
                "The period has not ended, or ends before it begins",
                "Give --since before --until, and an end that has passed.",
            )
        first, last = place_of(self._store, since) + 1, place_of(self._store, until)
        if last < first:
            raise InvalidInput("Nothing is on record in this period", "Choose another.")
        anchored = self._anchors.between(first - 1, last)
        keys = Keyring(self._store.tenant.id, self._store.master_key()) if with_content else None
        with replacing(out) as file:
            making = _Making(self._store, first, last, since, until, Container(file), keys)
            counts = making.run(frameworks, anchored, progress)
        digest = _digest(out)
        made = Made(
            out,
            self._store.tenant.id,
            since,
            until,
            first,
            last,
            out.stat().st_size,
            digest,
            fingerprint(self._store.signing_key().public_key()),
            len(anchored),
            counts,
        )
        facts = {
            "first": first,
            "last": last,
            "bytes": made.bytes,
            "digest": digest,
            "anchors": len(anchored),
            **counts,
        }
        facts["with_content"] = with_content
        facts["frameworks"] = [each["framework"] for each in frameworks]
        body = {"by": by, "since": rfc3339(since), "until": rfc3339(until)}
        with self._store.begin() as tx:
            self._ledger.append_all(tx, [Draft(new_id("pack"), "packed", None, facts, body)])
        return made


class _Making:
    """One pack while it is made."""

    def __init__(
        self,
        store: TenantStore,
        first: int,
        last: int,
        since: datetime,
        until: datetime,
        container: Container,
        keys: Keyring | None,
    ) -> None:
        """``keys`` disclose the content."""
        self._store, self._keys = store, keys
        self._first, self._last = first, last
        self._since, self._until = rfc3339(since), rfc3339(until)
        self._container = container

    def run(
        self, frameworks: Sequence[Mapping[str, Any]], anchored: Sequence[Any], progress: Progress
    ) -> dict[str, int]:
        key, tenant = self._store.signing_key(), self._store.tenant.id
        public = key.public_key()
        tree = StepTree(self._store, max([self._last, *(each.seq for each in anchored)]))
        judging = Judging(frameworks, self._until)
        with self._store.read() as tx:
            before = hash_at(tx, tenant, self._first - 1) if self._first > 1 else GENESIS
            chain = Chain(tenant, signed_by_holder(key), behind=Head(self._first - 1, before or GENESIS))
            self._steps(tx, chain, judging, progress)
        results = judging.results()
        put = self._container.put
        put("anchors.json", canonical_json(self._proved(tree, anchored)))
        put("controls.json", canonical_json({"frameworks": list(frameworks)}))
        put("results.json", canonical_json({"results": results}))
        manifest = {
            "before": before,
            "checkpoints": chain.checkpoints,
            "first": self._first,
            "format": FORMAT,
            "head": chain.head.hash,
            "key": public.public_bytes_raw().hex(),
            "last": self._last,
            "root": tree.root(self._last),
            "since": self._since,
            "tenant": tenant,
            "tree": tree.parts(self._first - 1),
            "until": self._until,
        }
        keys = {"fingerprint": fingerprint(public), "tenant": manifest["key"], "witnesses": _witnesses(anchored)}
        put("keys.json", canonical_json(keys))
        put("index.html", page_of(manifest, fingerprint(public), frameworks, results, anchored).encode())
        put("README.txt", _README.encode())
        put("aver-verify.py", joined().encode())
        signed = canonical_json({"pack": {**manifest, "files": self._container.listed}, "version": VERSION})
        put(MANIFEST, signed, deflated=False)
        put(SIGNATURE, key.sign(signed).hex().encode(), deflated=False)
        self._container.close()
        return {name: sum(each["outcome"] == name for each in results) for name in ("met", "not_met", "no_data")}

    def _steps(self, tx: Connection, chain: Chain, judging: Judging, progress: Progress) -> None:
        total, done, writing = self._last - self._first + 1, 0, None
        with closing(steps_from(tx, self._store.tenant.id, self._first, _BATCH)) as batches:
            for rows in batches:
                if rows[0].seq > self._last:
                    break
                mine = [row for row in rows if row.seq <= self._last]
                signed = checkpoints_between(tx, self._store.tenant.id, mine[0].seq, mine[-1].seq)
                opened = self._keys.open(tx, {row.subject for row in mine}) if self._keys else {}
                for lines in _lines(chain, mine, signed, judging, opened):
                    if writing is None:
                        writing = self._container.begin(f"steps/{done // _PART + 1:05}.jsonl")
                    writing.write(lines)
                done += len(mine)
                progress(done, total)
                if writing is not None and done % _PART == 0:
                    writing.end()
                    writing = None
        if writing is not None:
            writing.end()
        chain.end()

    def _proved(self, tree: StepTree, anchored: Sequence[Any]) -> dict[str, Any]:
        sizes = sorted({self._last, *(each.seq for each in anchored)})
        sizes = [each for each in sizes if each]
        proofs = [
            {"from": first, "path": tree.consistency(first, second), "to": second} for first, second in pairwise(sizes)
        ]
        return {"anchors": [each.plain for each in anchored], "proofs": proofs}


def _lines(
    chain: Chain,
    rows: Sequence[StepRow],
    signed: Iterator[CheckpointRow],
    judging: Judging,
    opened: Mapping[str, DataKey | None],
) -> Iterator[bytes]:
    """The lines of a batch, each step held against the chain and handed to the queries on its way."""
    checkpoint = next(signed, None)
    found: list[bytes] = []
    for row in rows:
        chain.step(row)
        line: dict[str, Any] = {
            "seq": row.seq,
            "turn": row.turn,
            "kind": row.kind,
            "at": row.at,
            "subject": row.subject,
            "facts": row.facts,
            "content": commitment(row.content).decode(),
        }
        if checkpoint is not None and checkpoint.seq <= row.seq:
            chain.checkpoint(checkpoint)
            line["checkpoint"] = {"at": checkpoint.at, "signature": checkpoint.signature.hex()}
            checkpoint = next(signed, None)
        if (data := opened.get(row.subject)) is not None and not is_disposed(row.content):
            key = data.of_step(row.seq).hex()
            line["disclosed"] = {"content": b64encode(row.content).decode(), "key": key}
        found.append(orjson.dumps(line))
        judging.take(Step(row.seq, row.turn, row.kind, row.at, orjson.loads(row.facts)))
    if checkpoint is not None:
        chain.checkpoint(checkpoint)  # of no step: the chain says so
    yield b"\n".join(found) + b"\n"


def _witnesses(anchored: Sequence[Any]) -> list[str]:
    return sorted({each.receipt["key"] for each in anchored if each.kind == "witness"})


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
