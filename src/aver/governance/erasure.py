"""Receipts of erasures: what was destroyed, when and by whom, signed with the tenant's key and held against its evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from aver.core.errors import InvalidInput, VerificationFailed
from aver.evidence import Ledger, Step, dsse
from aver.evidence.signing import fingerprint
from aver.store import TenantStore

__all__ = ["TYPE", "Receipt", "receipt_of", "seal", "verify"]

TYPE = "application/vnd.aver.erasure+json"
"""What the envelope holds, as its type says (a DSSE envelope; see :mod:`aver.evidence.dsse`)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """``steps`` are those whose content can never be read again, ``step`` and ``hash`` the place in the chain that says so. The key that
    signs it is in ``key``; compare ``fingerprint`` with one that was given another way. Aver keeps no copy: it names a person."""

    tenant: str
    subject: str
    at: str
    by: str
    steps: int
    keys: int
    person: bool
    """Whether they were in the tenant's directory, and were removed."""
    cases: int
    """Labelled cases made of their turns that left the queue."""
    step: int
    hash: str
    key: str
    """The public key: PEM."""
    fingerprint: str


def receipt_of(
    store: TenantStore, step: Step, *, subject: str, by: str, keys: int, person: bool, cases: int
) -> Receipt:
    """Of the step ``erased`` that was just appended."""
    public = store.signing_key().public_key()
    at = step.at.isoformat()
    counted = int(step.facts.get("steps", 0))
    pem, mark = dsse.public_pem(public), fingerprint(public)
    return Receipt(store.tenant.id, subject, at, by, counted, keys, person, cases, step.seq, step.hash, pem, mark)


def seal(store: TenantStore, receipt: Receipt) -> dict[str, Any]:
    """The receipt as it is given away: an envelope that other programs verify too."""
    return dsse.sealed(asdict(receipt), store.signing_key(), TYPE)


def verify(envelope: bytes, *, expected: str | None = None, ledger: Ledger | None = None) -> Receipt:
    """The receipt, if it is what the holder of the key that it names signed, and that key is ``expected`` (its fingerprint) where that is given. With
    ``ledger`` the step that it names has to stand in the chain, and nothing of the subject may be readable.

    Raises :class:`~aver.core.errors.InvalidInput` for what is no receipt, and :class:`~aver.core.errors.VerificationFailed`.
    """
    key = _key_within(envelope)
    said = dsse.opened(envelope, key, TYPE)
    try:
        receipt = Receipt(**said)
    except TypeError:
        raise _no_receipt() from None
    mark = fingerprint(key)
    if receipt.fingerprint != mark or (expected is not None and expected.lower() != mark):
        raise VerificationFailed(
            f"The receipt is signed by the key {mark[:16]}, which is not the one expected",
            "Compare the fingerprint with the one that the tenant gave another way.",
        )
    if ledger is not None:
        _stands(receipt, ledger)
    return receipt


def _stands(receipt: Receipt, ledger: Ledger) -> None:
    step = ledger.at(receipt.step)
    if step is None or step.hash != receipt.hash or step.kind != "erased":
        raise VerificationFailed(
            f"Step {receipt.step} of the chain is not the erasure that the receipt names",
            "Verify the chain: aver evidence verify.",
        )
    if ledger.has_key(str(step.facts.get("subject"))):
        raise VerificationFailed("The key that was destroyed is there again", "Verify the chain: aver evidence verify.")


def _key_within(envelope: bytes) -> Ed25519PublicKey:
    """The key that the payload names: it says who signed, once the signature is found to be theirs."""
    named = dsse.unverified(envelope).get("key")
    if not isinstance(named, str):
        raise _no_receipt()
    return dsse.public_key(named.encode("utf-8", "replace"))


def _no_receipt() -> InvalidInput:
    return InvalidInput("This is no receipt of an erasure", "Give the file that aver erase wrote.")
