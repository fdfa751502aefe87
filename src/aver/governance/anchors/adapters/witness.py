"""A witness: somebody else's small program that remembers how far the chain had come, and cosigns a later state only with the proof that it grew out of that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aver.core import canonical_json
from aver.core.errors import Unavailable, VerificationFailed
from aver.governance.anchors.asking import Answer, ask
from aver.governance.anchors.types import Anchor, AnchorKind, Prove, Statement
from aver.governance.anchors.witness import log_of
from aver.governance.proof.ed25519 import signed

__all__ = ["WitnessPlace"]


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """``key`` is the witness's public key, hexadecimal, from whoever runs it; ``owner`` gives a tenant's."""

    url: str
    key: str
    owner: Callable[[], bytes]
    kind: AnchorKind = "witness"

    def put(self, statement: Statement, prove: Prove) -> Mapping[str, Any]:
        said, key = statement["anchor"], self.owner().hex()
        head = self._head(said["tenant"])
        if head["seq"] > said["seq"]:
            raise VerificationFailed(
                f"The witness has seen {head['seq']:,} steps, and the chain has {said['seq']:,}: it was cut off",
                "Run: aver evidence verify; compare with a backup.",
            )
        path = list(prove(head["seq"])) if 0 < head["seq"] < said["seq"] else []
        body = canonical_json({"key": key, "path": path, "statement": dict(statement)})
        answer = self._ask("POST", f"/v1/heads/{log_of(said['tenant'], key)}", body)
        if answer.status == 409:
            raise VerificationFailed(
                f"The witness does not cosign: the chain did not grow out of the {head['seq']:,} steps that it has seen",
                "The history was rewritten: run aver evidence verify, and compare with a backup.",
            )
        receipt = self._object(answer)
        self._check(receipt, said)
        return {"place": urlsplit(self.url).hostname, **receipt}

    def found(self, tenant: str, known: Sequence[Anchor]) -> Sequence[Statement]:
        head = self._head(tenant)
        newest = max((each.seq for each in known), default=0)
        if head["seq"] < newest:
            raise VerificationFailed(
                f"The witness knows of {head['seq']:,} steps, and cosigned {newest:,}", "Ask who runs it."
            )
        for anchor in known:
            self._check(anchor.receipt, anchor.statement["anchor"])
        cosigned: list[Statement] = [each.statement for each in known]
        return [*cosigned, {"anchor": head}] if head["seq"] else cosigned

    def _head(self, tenant: str) -> dict[str, Any]:
        """The newest state that the witness has seen: ``seq`` and ``root``; none is ``seq`` 0."""
        answer = self._ask("GET", f"/v1/heads/{log_of(tenant, self.owner().hex())}")
        if answer.status == 404:
            return {"seq": 0, "root": ""}
        found = self._object(answer)
        self._check(found, found.get("cosigned", {}))
        return dict(found["cosigned"])

    def _check(self, receipt: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        cosigned = receipt.get("cosigned")
        message = canonical_json({"cosigned": cosigned, "version": 1})
        try:
            good = receipt["key"] == self.key and signed(
                bytes.fromhex(self.key), message, bytes.fromhex(receipt["signature"])
            )
            same = isinstance(cosigned, dict) and all(
                cosigned[name] == said[name] for name in ("root", "seq", "tenant")
            )
        except (KeyError, ValueError, TypeError):
            good = same = False
        if not good or not same:
            raise VerificationFailed(
                "What the witness gives is not its signature of what it was told",
                "Compare anchors.witness.key with the witness's.",
            )

    def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        return ask(method, self.url.rstrip("/") + path, body, {"content-type": "application/json"})

    def _object(self, answer: Answer) -> dict[str, Any]:
        try:
            found = json.loads(answer.body)
        except ValueError:
            found = None
        if answer.status != 200 or not isinstance(found, dict):
            raise Unavailable(f"The witness answers with status {answer.status}", "See whether it runs: aver witness.")
        return found
