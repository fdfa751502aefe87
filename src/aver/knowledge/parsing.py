"""From the bytes of a file to its readable text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import PurePosixPath

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.draft import Draft
from aver.knowledge.formats import UnsupportedFormat, format_of
from aver.knowledge.types import ParsedDocument

__all__ = ["UnsupportedFormat", "parse"]

_LOCKABLE = frozenset({"pdf"})
"""Formats whose files are opened with a password."""
_MAILS = frozenset({"eml", "msg"})
"""Formats that hold files of other formats."""
_DEEPEST_MAIL = 5


def parse(data: bytes, path: str, passwords: Sequence[str] = (), *, depth: int = 0) -> ParsedDocument:
    """The readable text of a file, its title and its blocks. In this process: :class:`~aver.knowledge.parsers.Parsers` is for
    files from elsewhere.

    The content decides the format, the extension of ``path`` only what the content leaves open. ``passwords`` are tried on a
    file that is encrypted; ``depth`` counts the mails that it lies in. Raises
    :class:`UnsupportedFormat` for a format that is not read, and :class:`~aver.core.errors.InvalidInput` for a file that
    is empty, damaged, encrypted or without text.
    """
    if not data:
        raise InvalidInput("The file is empty", "Write something in it, or remove it.")
    kind = format_of(data, PurePosixPath(path))
    adapter = import_module(f"aver.knowledge.adapters.{kind}")
    if kind in _MAILS and depth >= _DEEPEST_MAIL:
        raise TooLarge(
            f"Mails lie more than {_DEEPEST_MAIL} deep in one another", "Ingest the inner ones by themselves."
        )
    draft: Draft
    if kind in _MAILS:
        draft = adapter.read(data, partial(parse, passwords=passwords, depth=depth + 1))
    else:
        draft = adapter.read(data, passwords) if kind in _LOCKABLE else adapter.read(data)
    name = PurePosixPath(path).name if kind == "code" else _readable_name(PurePosixPath(path))
    document = draft.finish(name)
    is_redirect = kind == "markdown" and bool(draft.title)  # such a page is its front matter alone
    if not document.text and not is_redirect:
        if kind == "image":
            raise UnsupportedFormat("The image shows no text", "Remove it, if it should.")
        raise InvalidInput("The file holds no text", "Write something in it, or remove it.")
    return document


def _readable_name(path: PurePosixPath) -> str:
    """``guides/travel-guide_faq.md`` -> ``Travel guide faq``; an index is named for its folder."""
    stem = path.stem
    if stem.lower() in ("index", "readme", "_index") and path.parent.name:
        stem = path.parent.name
    words = re.sub(r"[-_\s]+", " ", stem).strip() or path.name or "Untitled"
    return words[0].upper() + words[1:]
