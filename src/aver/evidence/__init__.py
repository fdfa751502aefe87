"""The ledger: append, chain, checkpoint, verify, export, erase."""

from aver.evidence.offline import verify_export
from aver.evidence.service import Ledger
from aver.evidence.types import Draft, Head, Step, StepKind, Verification

__all__ = ["Draft", "Head", "Ledger", "Step", "StepKind", "Verification", "verify_export"]
