"""From a source's items to passages ready to be embedded, in a thread ahead of the embedder."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aver.core import sha256_hex
from aver.core.errors import AverError, InvalidInput, NotFound
from aver.knowledge.chunking import Chunk, split
from aver.knowledge.lexical import analyze
from aver.knowledge.parsing import UnsupportedFormat, parse
from aver.knowledge.types import Source, SourceItem

__all__ = ["Failed", "Held", "Prepared", "Unchanged", "embedded_text", "indexed_terms", "prepare"]

_AHEAD = 64
"""Documents that wait for the embedder at most."""


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
    chunks: Sequence[Chunk]
    terms: Sequence[Sequence[str]]
    """Of each chunk."""


Outcome = Unchanged | Failed | Prepared


def embedded_text(title: str, section: str, text: str) -> str:
    """What the embedder reads of a passage: it carries its title and section, which often alone say what it is about."""
    return "\n".join(part for part in (title, section, text) if part)


def indexed_terms(title: str, section: str, text: str) -> list[str]:
    return analyze(embedded_text(title, section, text))


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of an item's content: its SHA-256, and its name at the source, if it has one."""

    digest: str
    revision: str = ""


def prepare(source: Source, items: Sequence[SourceItem], known: Mapping[str, Held]) -> Iterator[Outcome]:
    """One outcome an item, in order. ``known`` is what is held already, by path.

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
                put(_prepared(source, item, known.get(item.path)))
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


def _prepared(source: Source, item: SourceItem, known: Held | None) -> Outcome:
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
        parsed = parse(data, item.path)
        chunks = split(parsed)
        terms = [indexed_terms(parsed.title, chunk.section, parsed.text[chunk.start : chunk.end]) for chunk in chunks]
    except Exception as error:  # noqa: BLE001 - a file that breaks a parser must not stop the others
        return Failed(item, _said(error, "The file cannot be read"), isinstance(error, UnsupportedFormat))
    return Prepared(item, digest, parsed.title, parsed.text, chunks, terms)


def _said(error: Exception, what: str) -> str:
    return str(error) if isinstance(error, AverError) else f"{what}: {type(error).__name__}: {error}"[:500]
