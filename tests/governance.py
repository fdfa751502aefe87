"""A tenant whose evidence has something for every control."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.governance.proof.joined import joined
from aver.store import Store, TenantStore
from aver.testing import FixedClock
from tests.operations import turn

__all__ = ["Governed", "governed", "verified"]


class Governed:
    """One tenant, its ledger and its clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FixedClock()
        self.start = self.clock.now()
        self.base = Store(folder / "data", clock=self.clock)
        self.base.create_tenant("acme")
        self.store: TenantStore = self.base.tenant("acme")
        self.ledger = Ledger(self.store, self.clock)

    def write(self, *drafts: Draft) -> None:
        with self.store.begin() as tx:
            self.ledger.append_all(tx, drafts)

    def turns(self, count: int, **given: Any) -> None:
        for _ in range(count):
            self.write(*turn(checked=CHECKED, more={"guardrails": "g1"}, **given))
            self.clock.advance(60)

    def rewrite(self, seq: int) -> None:
        """Write the history from a step on anew, as whoever holds the database and the keys can: it verifies by itself."""
        from sqlalchemy import delete, insert, select, update

        from aver.evidence.keys import Keyring, encrypt, open_content
        from aver.evidence.record import CheckpointRow, StepRow
        from aver.evidence.store import checkpoints, steps

        key, tenant = self.store.signing_key(), self.store.tenant.id
        with self.store.begin() as tx:
            rows = [
                StepRow._make(row)
                for row in tx.execute(select(*(steps.c[name] for name in StepRow._fields)).order_by(steps.c.seq))
            ]
            signed = {row.seq for row in tx.execute(select(checkpoints.c.seq))}
            prev = rows[seq - 2].hash if seq > 1 else "0" * 64
            keys = Keyring(tenant, self.store.master_key()).open(tx, {row.subject for row in rows})
            for row in rows[seq - 1 :]:
                facts = row.facts if row.seq != seq else json.dumps({"forged": True})
                made = row._replace(prev=prev, facts=facts)
                data = keys[row.subject]
                assert data is not None
                content = encrypt(data.of_step(row.seq), open_content(row, data) or b"", made.bound())
                made = made._replace(content=content)
                prev = made.digest()
                values = {"prev": made.prev, "facts": facts, "content": content, "hash": prev}
                tx.execute(update(steps).where(steps.c.seq == row.seq).values(values))
                if row.seq in signed:
                    unsigned = CheckpointRow(tenant, row.seq, prev, row.at, b"")
                    tx.execute(delete(checkpoints).where(checkpoints.c.seq == row.seq))
                    made_anew = unsigned._replace(signature=key.sign(unsigned.message()))._asdict()
                    del made_anew["tenant"]
                    tx.execute(insert(checkpoints), made_anew)
        (self.store.directory / "keys" / "head.anchor").unlink()

    def close(self) -> None:
        self.base.close()


CHECKED = {
    "place": "input",
    "outcome": "pass",
    "checks": ["injection", "personal"],
    "outcomes": ["pass", "pass"],
    "failures": [None, None],
}


def governed(folder: Path) -> Governed:
    """With turns, calls of tools, a release, a campaign, an incident and an erasure."""
    found = Governed(folder)
    found.turns(12)
    acting = new_id("turn")
    found.write(
        Draft(acting, "admitted", "user:ann", {"feature": "desk", "release": "r" * 16}),
        Draft(acting, "decided", "user:ann", {"action": "a1", "outcome": "ask", "tool": "mail", "again": False}),
        Draft(acting, "asked", "user:ann", {"action": "a1", "approval": "p1"}),
        Draft(acting, "approved", "user:ann", {"action": "a1", "approval": "p1", "scope": "once"}),
        Draft(acting, "executed", "user:ann", {"action": "a1", "outcome": "done", "tool": "mail", "compensates": None}),
        Draft(acting, "responded", "user:ann", {"done": 1}),
        Draft(acting, "sealed", "user:ann", {"ms": 3.0}),
    )
    release, incident = new_id("release"), new_id("incident")
    found.write(
        Draft(new_id("gate"), "gated", None, {"outcome": "pass", "release": "f" * 64}),
        Draft(release, "release_signed_off", None, {"release": "f" * 64}, {"role": "reviewer", "by": "ann"}),
        Draft(release, "release_promoted", None, {"release": "f" * 64, "lacked": 0}, {"by": "ann"}),
        Draft(new_id("evaluation"), "evaluated", None, {"suite": "redteam", "attempts": 50, "attack_success": 0.02}),
        Draft(new_id("evaluation"), "evaluated", None, {"questions": 40}),
        Draft(incident, "incident", None, {"event": "opened", "detection_s": 20.0}),
        Draft(incident, "incident", None, {"event": "resolved", "detection_s": 20.0, "mitigation_s": 50.0}),
    )
    found.clock.advance(60)
    return found


def verified(pack: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """What the program that travels says, in a process that cannot find Aver."""
    program = pack.parent / "aver-verify.py"
    program.write_text(joined())
    command = [sys.executable, "-I", "-S", str(program), str(pack), "--json", *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not ran.stderr, ran.stderr
    return ran.returncode, json.loads(ran.stdout)
