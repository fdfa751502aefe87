"""A file that lies elsewhere: one line a state, only ever added to. Put it where whoever can change the database cannot: another machine's disk, a tape."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aver.core import canonical_json
from aver.core.errors import InvalidInput, Unavailable, VerificationFailed
from aver.governance.anchors.types import Anchor, AnchorKind, Prove, Statement

__all__ = ["FilePlace"]


@dataclass(frozen=True, slots=True)
class FilePlace:
    path: Path
    kind: AnchorKind = "file"

    def put(self, statement: Statement, prove: Prove) -> Mapping[str, Any]:  # noqa: ARG002 - a file holds no one to account
        line = canonical_json(dict(statement)) + b"\n"
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                offset = os.lseek(file, 0, os.SEEK_END)
                os.write(file, line)
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise InvalidInput(
                f"{self.path} cannot be added to: {error.strerror}", "Correct anchors.file, or free some space."
            ) from None
        return {"place": str(self.path), "offset": offset}

    def found(self, tenant: str, known: Sequence[Anchor]) -> Sequence[Statement]:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            if known:
                raise VerificationFailed(
                    f"{self.path} is not there, and {len(known):,} states were put into it",
                    "Find out who took it away.",
                ) from None
            return ()
        except OSError as error:
            raise Unavailable(
                f"{self.path} cannot be read: {error.strerror}", "Mount it, or correct anchors.file."
            ) from None
        found: list[Statement] = []
        for number, line in enumerate(data.splitlines(), 1):
            try:
                statement = json.loads(line)
                mine = statement["anchor"]["tenant"] == tenant
            except (ValueError, TypeError, KeyError):
                raise VerificationFailed(
                    f"Line {number:,} of {self.path} is damaged", "Compare it with a copy."
                ) from None
            if mine:
                found.append(statement)
        return found
