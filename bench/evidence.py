"""How fast evidence is appended and verified, beside the bare work that neither can do without.

``append``: whole turns of six steps, 100 turns a transaction, in a fresh embedded store, beside the same bytes hashed, encrypted
and signed and put into a bare SQLite table. ``verify``: the whole chain, beside the same rows read, hashed and decrypted and the same
signatures checked. A ratio is Aver's rate over the bare one, taken turn and turn about in one run.

    python bench/evidence.py --json [--turns 5000]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aver.core import SystemClock, new_id
from aver.evidence import Draft, Ledger
from aver.store import Store

TURNS_A_TRANSACTION = 100
SENTENCE = "Employees may carry over up to five days of leave into the next year. "
BODIES: tuple[tuple[Any, dict[str, Any], dict[str, Any] | None], ...] = (
    ("admitted", {"release": "sha256:5f2c", "conversation": "conversation_01jd"}, {"question": SENTENCE}),
    (
        "retrieved",
        {"passages": 8, "ms": 11.5},
        {"query": SENTENCE, "passages": [[f"doc_{n:026}", 1, n, n + 400] for n in range(8)]},
    ),
    ("generated", {"provider": "extractive", "tokens": 180}, {"prompt": SENTENCE * 12, "text": SENTENCE * 4}),
    (
        "verified",
        {"sentences": 4, "supported": 4},
        {"sentences": [{"text": SENTENCE, "citations": [n]} for n in range(4)]},
    ),
    ("responded", {"mode": "extractive", "abstained": False}, {"answer": SENTENCE * 4}),
    ("sealed", {"ms": 41.25}, None),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), options.turns)
    if options.json:
        print(json.dumps(report))
        return
    for name, figures in report.items():
        print(name, "  ".join(f"{key} {value:,}" for key, value in figures.items()))


def measure(folder: Path, turns: int) -> dict[str, dict[str, float]]:
    store = Store(folder / "data")
    store.create_tenant("bench")
    tenant = store.tenant("bench")
    ledger = Ledger(tenant, SystemClock())
    bare = Bare(folder / "bare.db")
    ours = theirs = 0.0
    for first in range(0, turns, TURNS_A_TRANSACTION):
        count = min(TURNS_A_TRANSACTION, turns - first)
        drafts = [
            Draft(turn, kind, f"user:person{number % 200}", facts, body)
            for number in range(first, first + count)
            for turn in [new_id("turn")]
            for kind, facts, body in BODIES
        ]

        def append(drafts: list[Draft] = drafts) -> None:
            with tenant.begin() as tx:
                ledger.append_all(tx, drafts)

        ours += seconds(append)
        theirs += seconds(lambda drafts=drafts: bare.append(drafts))
    steps = turns * len(BODIES)
    append_report = figures(turns, steps, ours, theirs)
    verified = ledger.verify()  # also warms the file cache, which the bare reader shares
    if not verified.ok or verified.steps != steps:
        raise SystemExit(f"the chain does not verify: {verified}")
    ours = min(seconds(ledger.verify) for _ in range(2))
    theirs = min(seconds(bare.verify) for _ in range(2))
    store.close()
    return {"append": append_report, "verify": figures(turns, steps, ours, theirs)}


def figures(turns: int, steps: int, ours: float, theirs: float) -> dict[str, float]:
    return {
        "turns_per_s": round(turns / ours),
        "steps_per_s": round(steps / ours),
        "bare_steps_per_s": round(steps / theirs),
        "ratio": round(theirs / ours, 3),
    }


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Bare:
    """The physical work alone: no canonical form, no subjects, no index on turns, one key, nothing that reads as a record."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE steps (seq INTEGER PRIMARY KEY, content BLOB, hash TEXT)")
        self._database.execute("CREATE TABLE checkpoints (seq INTEGER PRIMARY KEY, signature BLOB)")
        self._cipher = AESGCM(os.urandom(32))
        self._signer = Ed25519PrivateKey.generate()
        self._seq = 0

    def append(self, drafts: list[Draft]) -> None:
        rows, signed = [], []
        for draft in drafts:
            self._seq += 1
            nonce = os.urandom(12)
            content = nonce + self._cipher.encrypt(nonce, json.dumps(draft.body).encode(), b"")
            digest = hashlib.sha256(content).hexdigest()
            rows.append((self._seq, content, digest))
            if draft.kind == "sealed":
                signed.append((self._seq, self._signer.sign(digest.encode())))
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO steps VALUES (?, ?, ?)", rows)
        self._database.executemany("INSERT INTO checkpoints VALUES (?, ?)", signed)
        self._database.execute("COMMIT")

    def verify(self) -> None:
        public = self._signer.public_key()
        digests = {}
        for seq, content, digest in self._database.execute("SELECT seq, content, hash FROM steps ORDER BY seq"):
            assert hashlib.sha256(content).hexdigest() == digest
            self._cipher.decrypt(content[:12], content[12:], b"")
            digests[seq] = digest
        for seq, signature in self._database.execute("SELECT seq, signature FROM checkpoints ORDER BY seq"):
            public.verify(signature, digests[seq].encode())


if __name__ == "__main__":
    main()
