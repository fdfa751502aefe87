"""Anchors, packs and controls on each engine, and for two tenants of one database."""

from __future__ import annotations

from datetime import timedelta

from aver.core import SystemClock
from aver.evidence import Ledger
from aver.evidence.recent import verify_recent
from aver.governance.anchors.adapters.file import FilePlace
from aver.governance.anchors.service import Anchors
from aver.governance.controls.reading import find, plain_frameworks
from aver.governance.controls.service import check
from aver.governance.packs.service import Packs
from tests.governance import CHECKED, verified
from tests.operations import turn


def test_each_tenant_has_its_own(store, tmp_path):
    clock, place, made = SystemClock(), FilePlace(tmp_path / "states.jsonl"), []
    begin = clock.now() - timedelta(hours=1)
    for number, name in enumerate(("acme", "kestrel"), 2):
        store.create_tenant(name)
        tenant = store.tenant(name)
        ledger = Ledger(tenant, clock)
        with tenant.begin() as tx:
            for _ in range(number):
                ledger.append_all(tx, turn(checked=CHECKED, more={"guardrails": "g"}))
        anchors = Anchors(tenant, ledger, clock, [place])
        assert not anchors.anchor()[0].problem
        assert (len(anchors.recent()), anchors.check()[0].states, anchors.check()[0].ok) == (1, 1, True)
        assert verify_recent(tenant, 100).last == ledger.head().seq
        frameworks = find(["owasp-llm"])
        until = clock.now()
        results = check(tenant, frameworks, begin, until)
        assert results[6]["results"][0]["numbers"] == {"answers": number, "verified": number}
        packs = Packs(tenant, ledger, clock, anchors)
        pack = packs.make(
            tmp_path / f"{name}.zip",
            since=begin,
            until=until,
            frameworks=plain_frameworks(frameworks),
            with_content=True,
        )
        code, told = verified(pack.file, "--key", pack.fingerprint)
        assert (code, told["tenant"], told["anchors"]) == (0, tenant.tenant.id, 1)
        made.append(pack.fingerprint)
    assert made[0] != made[1]
