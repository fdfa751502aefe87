"""The outbox: takes steps within microseconds and chains them a moment later, many in one transaction.

What :meth:`Outbox.put` has taken survives the death of the process: it is in a journal file, encrypted, before the call returns,
and whoever opens the tenant next chains what a dead process left. A power cut may take the last moment with it, as the journal is
not flushed to the disk.
"""

from __future__ import annotations

import fcntl
import hmac
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select

from aver.core import new_id
from aver.core.errors import AverError, Unavailable
from aver.core.randomness import random_bytes
from aver.evidence.service import Ledger, Prepared, prepare
from aver.evidence.store import steps
from aver.evidence.types import Draft
from aver.store import TenantStore
from aver.store.faults import translated
from aver.store.files import private_directory

__all__ = ["Folder", "Outbox"]

_LENGTH = struct.Struct("<I")
_NONCE = 12
_MOST = 1000
"""Steps chained in one transaction: enough to share its cost, few enough that other writers wait for milliseconds."""
_POLL = 0.02
_SEGMENT = 256 * 1024
"""Bytes of a journal file."""
_LONGEST = 100_000
"""Steps that wait at most. When the database takes none for that long, calls are refused rather than unrecorded."""


class Outbox:
    """The steps of one tenant that are taken and not yet chained. Thread-safe."""

    def __init__(self, store: TenantStore, ledger: Ledger, folder: Folder | None = None) -> None:
        """Opens the journal's directory and chains what dead processes left there."""
        self._store = store
        self._ledger = ledger
        self._folder = folder
        self._directory = private_directory(store.directory / "outbox")
        self._cipher = AESGCM(hmac.digest(store.master_key(), b"aver outbox", "sha256"))
        self._taking = threading.Lock()
        self._folding = threading.Lock()
        self._batch = _Batch()
        self._waiting: list[_Batch] = []
        self._recover()

    def put(self, drafts: Sequence[Draft]) -> None:
        """Take ``drafts`` for good. Raises :class:`~aver.core.errors.StorageFull` and :class:`~aver.core.errors.Unavailable` when they
        cannot be kept; then nothing of them is, and what they are about must not be told as done."""
        prepared = [prepare(draft) for draft in drafts]  # what cannot be chained must not be taken
        with self._taking, translated():
            batch = self._batch
            if len(batch.drafts) > _LONGEST:
                raise Unavailable("Evidence has not been writable for a while", "Look at the database and its disk.")
            record = self._sealed(prepared)
            if not batch.segments or not batch.segments[-1].append(record):
                batch.segments.append(_Segment.create(self._directory, max(_SEGMENT, len(record) + 2 * _LENGTH.size)))
                batch.segments[-1].append(record)
            batch.drafts += prepared
        if self._folder is not None:
            self._folder.wake(self)

    def fold(self) -> None:
        """Chain everything taken so far. What cannot be chained now stays taken; raises why."""
        with self._folding:
            with self._taking:
                if self._batch.drafts:
                    self._waiting.append(self._batch)
                    self._batch = _Batch()
            while self._waiting:
                batch = self._waiting[0]
                while batch.drafts:
                    with self._store.begin() as tx:
                        self._ledger.append_prepared(tx, batch.drafts[:_MOST])
                    del batch.drafts[:_MOST]
                self._waiting.pop(0)
                for segment in batch.segments:
                    segment.remove()

    def settle(self, seconds: float = 5.0) -> None:
        """Chain everything taken so far, and wait until the other processes have chained what they had taken by now. Raises
        :class:`~aver.core.errors.Unavailable` when one of them takes longer than ``seconds``."""
        self.fold()
        others = list(self._directory.glob("*.steps"))
        for _ in range(int(seconds / _POLL)):
            others = [path for path in others if path.exists()]
            if not others:
                return
            time.sleep(_POLL)
        raise Unavailable("Another process holds evidence that it has not chained yet", "Retry in a moment.")

    def _sealed(self, drafts: Sequence[Prepared]) -> bytes:
        plain = b"".join(
            field
            for each in drafts
            for part in (orjson.dumps(each[:4]), each.body)
            for field in (_LENGTH.pack(len(part)), part)
        )
        nonce = random_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, self._store.tenant.id.encode())

    def _recover(self) -> None:
        for path in sorted(self._directory.glob("*.steps")):
            segment = _Segment.orphan(path)
            if segment is None:
                continue  # its process is alive
            found = [draft for record in segment.records() for draft in self._opened(record)]
            # It may have died between chaining the steps and removing the file.
            with self._store.read() as tx:
                turns = list({draft.turn for draft in found})
                chained = {
                    turn
                    for start in range(0, len(turns), 500)
                    for turn in tx.execute(
                        select(steps.c.turn).where(steps.c.turn.in_(turns[start : start + 500]))
                    ).scalars()
                }
            self._waiting.append(_Batch([draft for draft in found if draft.turn not in chained], [segment]))
        if self._waiting:
            self.fold()

    def _opened(self, record: bytes) -> list[Prepared]:
        try:
            plain = self._cipher.decrypt(record[:_NONCE], record[_NONCE:], self._store.tenant.id.encode())
        except Exception:  # noqa: BLE001 - the last record of a journal may be half written; cryptography's error says nothing more
            return []
        parts = iter(_parts(plain))
        return [Prepared._make([*orjson.loads(head), next(parts)]) for head in parts]


def _parts(plain: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(plain):
        (length,) = _LENGTH.unpack_from(plain, at)
        at += _LENGTH.size + length
        yield plain[at - length : at]


@dataclass(slots=True)
class _Batch:
    drafts: list[Prepared] = field(default_factory=list)
    segments: list[_Segment] = field(default_factory=list)


class _Segment:
    """One journal file, mapped into memory: what is copied there is the system's at once, without a call to it, and outlives the
    process. Its process holds a lock on it for as long as it lives. Records follow one another, each after its length; a length of 0 is
    the end."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle = handle
        self._map: mmap.mmap | None = None
        self._at = 0

    @classmethod
    def create(cls, directory: Path, size: int) -> _Segment:
        """With room for ``size`` bytes, which are the disk's from now on: a full disk must not be found out by writing."""
        path = directory / f"{new_id('outbox')}.steps"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        segment = cls(path, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.posix_fallocate(handle, 0, size)
            segment._map = mmap.mmap(handle, size)
        except BaseException:
            segment.remove()
            raise
        return segment

    @classmethod
    def orphan(cls, path: Path) -> _Segment | None:
        """The segment at ``path`` when no process holds it."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if not path.exists():  # its process removed it before it let go
            os.close(handle)
            return None
        return cls(path, handle)

    def append(self, record: bytes) -> bool:
        """``False``, and nothing is written, when there is no room."""
        place, end = self._map, self._at + _LENGTH.size + len(record)
        if place is None or end + _LENGTH.size > len(place):
            return False
        place[self._at + _LENGTH.size : end] = record
        _LENGTH.pack_into(place, self._at, len(record))  # last: a record without its length is none
        self._at = end
        return True

    def records(self) -> Iterator[bytes]:
        with os.fdopen(os.dup(self._handle), "rb") as file:
            file.seek(0)
            while len(head := file.read(_LENGTH.size)) == _LENGTH.size and (length := _LENGTH.unpack(head)[0]):
                yield file.read(length)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
        if self._map is not None:
            self._map.close()
        os.close(self._handle)


class Folder:
    """Chains what outboxes have taken, every ``every`` seconds while there is any, from a thread of its own."""

    def __init__(self, every: float = 0.2) -> None:
        self._every = every
        self._due: dict[int, Outbox] = {}
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem: AverError | None = None
        """Why the last attempt failed, if it did."""

    def wake(self, outbox: Outbox) -> None:
        if id(outbox) in self._due:
            return
        with self._lock:
            self._due[id(outbox)] = outbox
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="aver-outbox", daemon=True)
                self._thread.start()
        self._woken.set()

    def close(self) -> None:
        """Chain what is left, and end. Raises what keeps it from being chained; the journals then have it."""
        self._closing.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
        self._fold_all()
        if self.problem is not None:
            raise self.problem

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.wait()
            self._closing.wait(self._every)
            self._woken.clear()
            self._fold_all()

    def _fold_all(self) -> None:
        with self._lock:
            due, self._due = self._due, {}
        for outbox in due.values():
            try:
                outbox.fold()
                self.problem = None
            except AverError as error:
                self.problem = error
                self.wake(outbox)
