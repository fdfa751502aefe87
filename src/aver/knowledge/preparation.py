"""From a source's items to passages ready to be embedded, in a thread ahead of the embedder."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aver.core import sha256_hex
from aver.core.errors import AverError
from aver.knowledge.chunking import Chunk, split
from aver.knowledge.lexical import analyze
from aver.knowledge.parsing import UnsupportedFormat, parse
from aver.knowledge.types import Block, Source, SourceItem

__all__ = ["Failed", "Prepared", "Unchanged", "embedded_text", "indexed_terms", "prepare"]

_AHEAD = 64
"""Documents that wait for the embedder at most."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    item: SourceItem


@dataclass(frozen=True, slots=True)
class Failed:
    item: SourceItem
    error: str
    skipped: bool


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


Outcome = Unchanged | Failed | Prepared


def embedded_text(title: str, section: str, text: str, header: str = "") -> str:
    """What the embedder reads of a passage: it carries its title and section, which often alone say what it is about, and
    the header of the table that it begins within."""
    return "\n".join(part for part in (title, section, header, text) if part)


def indexed_terms(title: str, section: str, text: str, header: str = "") -> list[str]:
    return analyze(embedded_text(title, section, text, header))


def prepare(source: Source, items: Sequence[SourceItem], digests: Mapping[str, str]) -> Iterator[Outcome]:
    """One outcome an item, in order. ``digests`` are the SHA-256 of the content that is known, by path.

    Reading, parsing and splitting run in a thread of their own, some documents ahead of what is asked for.
    """
    outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(outcome: Outcome | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                outcomes.put(outcome, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                if stopped.is_set():
                    return
                put(_prepared(source, item, digests.get(item.path)))
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads
            put(error)

    threading.Thread(target=work, name="prepare", daemon=True).start()
    try:
        while (outcome := outcomes.get()) is not None:
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        stopped.set()


def _prepared(source: Source, item: SourceItem, known: str | None) -> Outcome:
    try:
        data = source.fetch(item)
        digest = sha256_hex(data)
        if digest == known:
            return Unchanged(item)
        parsed = parse(data, item.path)
        chunks = split(parsed)
        terms = [
            indexed_terms(parsed.title, chunk.section, parsed.text[chunk.start : chunk.end], chunk.header)
            for chunk in chunks
        ]
    except AverError as error:
        return Failed(item, str(error), isinstance(error, UnsupportedFormat))
    except Exception as error:  # noqa: BLE001 - a file that breaks a parser must not stop the others
        return Failed(item, f"The file cannot be read: {type(error).__name__}: {error}"[:500], False)
    return Prepared(item, digest, parsed.title, parsed.text, parsed.blocks, chunks, terms)
