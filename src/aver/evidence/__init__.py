"""The ledger: append, chain, checkpoint, verify, export, erase."""

from aver.evidence.offline import verify_export
from aver.evidence.outbox import Folder, Outbox
from aver.evidence.service import Ledger
from aver.evidence.types import Draft, Head, Step, StepKind, Verification

__all__ = ["Draft", "Folder", "Head", "Ledger", "Outbox", "Step", "StepKind", "Verification", "verify_export"]
