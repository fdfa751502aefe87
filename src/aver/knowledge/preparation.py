"""From a source's items to passages ready to be embedded, ahead of the embedder."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from aver.core import sha256_hex
from aver.core.errors import AverError, InvalidInput, MissingExtra, NotFound
from aver.knowledge.chunking import Chunk, split
from aver.knowledge.lexical import analyze
from aver.knowledge.parsers import Parsers
from aver.knowledge.parsing import UnsupportedFormat
from aver.knowledge.traits import Traits, traits
from aver.knowledge.types import Block, Remembering, Source, SourceItem

__all__ = ["Failed", "Held", "Prepared", "Unchanged", "embedded_text", "indexed_terms", "prepare"]

_AHEAD = 64
"""Documents that wait for the embedder at most."""
_WAITING = 2
"""Documents that are held to be parsed next, so that no parser waits for the source."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    item: SourceItem


@dataclass(frozen=True, slots=True)
class Failed:
    """``again``: it could not be had this time, but may be another time, although the source will not list it as changed."""

    item: SourceItem
    error: str
    skipped: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    item: SourceItem
    digest: str
    title: str
    text: str
    blocks: Sequence[Block]
    chunks: Sequence[Chunk]
    terms: Sequence[Sequence[str]]
    """Of each chunk."""
    traits: Traits
    original: str = ""
    """What it was made of, where that is kept; see :mod:`aver.knowledge.originals`."""
    past: Sequence[Prepared] = ()
    """What it was before and nobody held, oldest first; these are not searched, and have no terms."""


Outcome = Unchanged | Failed | Prepared


def embedded_text(title: str, section: str, text: str, header: str = "") -> str:
    """What the embedder reads of a passage: it carries its title and section, which often alone say what it is about, and
    the header of the table that it begins within."""
    return "\n".join(part for part in (title, section, header, text) if part)


def indexed_terms(title: str, section: str, text: str, header: str = "") -> list[str]:
    return analyze(embedded_text(title, section, text, header))


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of an item's content: its SHA-256, and its name at the source, if it has one."""

    digest: str
    revision: str = ""


def prepare(
    source: Source,
    items: Sequence[SourceItem],
    known: Mapping[str, Held],
    parsers: Parsers,
    passwords: Sequence[str] = (),
    keep: Callable[[bytes], str] | None = None,
) -> Generator[Outcome, None, None]:
    """One outcome an item, in order. ``known`` is what is held already, by path; ``passwords`` are tried on what is encrypted. ``keep`` keeps the bytes of what has
    pages, and says where.

    A thread of its own fetches; as many as there are parsers parse and split, some documents ahead of what is asked for.
    """
    outcomes: queue.Queue[Future[Outcome] | BaseException | None] = queue.Queue(_AHEAD)
    room = threading.Semaphore(parsers.size + _WAITING)
    stopped = threading.Event()
    pool = ThreadPoolExecutor(parsers.size, "parse")

    def put(outcome: Future[Outcome] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                outcomes.put(outcome, timeout=0.1)
            except queue.Full:
                continue
            return

    def start(item: SourceItem) -> Future[Outcome]:
        fetched = _fetched(source, item, known.get(item.path))
        if not isinstance(fetched, _Fetched):
            done: Future[Outcome] = Future()
            done.set_result(fetched)
            return done
        while not room.acquire(timeout=0.1):
            if stopped.is_set():
                raise CancelledError
        outcome = pool.submit(_prepared, fetched, parsers, passwords, keep)
        outcome.add_done_callback(lambda _: room.release())
        return outcome

    def work() -> None:
        try:
            for item in items:
                if stopped.is_set():
                    return
                put(start(item))
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads
            put(error)

    threading.Thread(target=work, name="prepare", daemon=True).start()
    try:
        while (outcome := outcomes.get()) is not None:
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome.result()
    finally:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Fetched:
    item: SourceItem
    data: bytes
    digest: str
    past: Sequence[_Fetched] = ()


def _fetched(source: Source, item: SourceItem, known: Held | None) -> _Fetched | Outcome:
    if known and item.revision and item.revision == known.revision:
        return Unchanged(item)
    try:
        data = source.fetch(item)
    except Exception as error:  # noqa: BLE001 - a source that breaks on one item must not stop the others
        return Failed(item, _said(error, "The source failed"), again=not isinstance(error, InvalidInput | NotFound))
    digest = sha256_hex(data)
    if known and digest == known.digest:
        return Unchanged(item)
    try:
        past = _past(source, item, known)
    except Exception as error:  # noqa: BLE001 - as above
        return Failed(item, _said(error, "The source failed to say what it was before"), again=True)
    return _Fetched(item, data, digest, past)


def _past(source: Source, item: SourceItem, known: Held | None) -> list[_Fetched]:
    """What the item was before, oldest first, each content that differs from the one before it. One that cannot be had is left out."""
    found: list[_Fetched] = []
    for before in source.past(item, known.revision if known else "") if isinstance(source, Remembering) else ():
        try:
            data = source.fetch(before)
        except (InvalidInput, NotFound):
            continue
        digest = sha256_hex(data)
        if digest != (found[-1].digest if found else known.digest if known else ""):
            found.append(_Fetched(before, data, digest))
    return found


def _prepared(
    fetched: _Fetched, parsers: Parsers, passwords: Sequence[str], keep: Callable[[bytes], str] | None
) -> Outcome:
    item = fetched.item
    past = [_prepared(before, parsers, passwords, None) for before in fetched.past]
    try:
        parsed = parsers.parse(fetched.data, item.path, passwords)
        chunks = split(parsed)
    except Exception as error:  # noqa: BLE001 - what breaks on one document must not stop the others
        skipped = isinstance(error, UnsupportedFormat | MissingExtra)
        return Failed(item, _said(error, "The file cannot be read"), skipped)
    terms = [
        indexed_terms(parsed.title, chunk.section, parsed.text[chunk.start : chunk.end], chunk.header)
        for chunk in chunks
    ]
    measured = traits(parsed.text, parsed.blocks)
    try:
        original = keep(fetched.data) if keep and any(block.page for block in parsed.blocks) else ""
    except AverError as error:
        return Failed(item, str(error), again=True)
    before = [replace(each, terms=()) for each in past if isinstance(each, Prepared)]
    return Prepared(
        item, fetched.digest, parsed.title, parsed.text, parsed.blocks, chunks, terms, measured, original, before
    )


def _said(error: Exception, what: str) -> str:
    return str(error) if isinstance(error, AverError) else f"{what}: {type(error).__name__}: {error}"[:500]
