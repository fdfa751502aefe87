"""The page itself: what is read at once stands in it as HTML, every case behind it as compressed fragments that open when asked for."""

from __future__ import annotations

import gzip
import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from aver.evals.gates.saying import amount
from aver.evals.gates.sheet import shown_value
from aver.evals.rendering.entries import Entry
from aver.evals.rendering.text import shortened, visible
from aver.evals.rendering.types import Document

__all__ = ["render"]

_STATIC = 200
"""Cases that can be read without script, the ones to look at first."""
_CHUNK = 100
"""Cases that are compressed together."""
_EXCERPT = 140
_FEW = 6
"""Measures that are shown unfolded where they are not what a reader came for."""


def render(document: Document) -> str:
    """The whole file. No text of a case reaches it but escaped, and its policy lets nothing run or load but its own script and style."""
    every = [entry for section in document.sections for entry in section.entries]
    if len(document.sections) > 1:
        every.sort(key=lambda entry: (entry.weight, entry.suite, entry.case))
    environment = _environment()
    fragments = environment.get_template("case.html").module
    style, script = _static("page.css"), _static("page.js")
    page = environment.get_template("page.html").render(
        document=document,
        style=style,
        script=script,
        policy=_policy(style, script),
        entries=every[:_STATIC],
        total=len(every),
        index=_data(_index(every)),
        chunks=list(_chunks(every, fragments)),
        suites=[section.suite for section in document.sections],
    )
    return page.encode("utf-8", "replace").decode()


def _index(every: Sequence[Entry]) -> dict[str, Any]:
    """What is needed to list, filter and sort, by column: a number in place of a name that comes again and again."""
    measures = list(dict.fromkeys(name for entry in every for name in entry.row.values))
    tags = sorted({tag for entry in every for tag in entry.row.tags})
    suites = list(dict.fromkeys(entry.suite for entry in every))
    at = {tag: number for number, tag in enumerate(tags)}
    return {
        "measures": measures,
        "tags": [shortened(tag, 80) for tag in tags],
        "suites": suites,
        "chunk": _CHUNK,
        "ids": [shortened(entry.case, 80) for entry in every],
        "questions": [shortened(entry.question, _EXCERPT) for entry in every],
        "states": [_state(entry) for entry in every],
        "suite": [suites.index(entry.suite) for entry in every],
        "tag": [[at[tag] for tag in entry.row.tags] for entry in every],
        "values": [[_rounded(shown_value(entry.row, name)) for entry in every] for name in measures],
    }


def _state(entry: Entry) -> int:
    """Bits: 1 an error, 2 against a condition, 4 better, 8 worse."""
    return (
        bool(entry.row.errors) + 2 * bool(entry.against) + 4 * (entry.moved == "better") + 8 * (entry.moved == "worse")
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _chunks(every: Sequence[Entry], template: Any) -> Iterator[str]:
    """Fragments of HTML, gzip in base64, :data:`_CHUNK` of them at a time as a JSON list."""
    for start in range(0, len(every), _CHUNK):
        fragments = [str(template.detail(entry)) for entry in every[start : start + _CHUNK]]
        yield b64encode(gzip.compress(orjson.dumps(fragments), 6, mtime=0)).decode()


def _data(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it ends one, or begins a comment."""
    text = orjson.dumps(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(style: str, script: str) -> str:
    def digest(text: str) -> str:
        return b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return f"default-src 'none'; style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"


def _values(entry: Entry) -> list[tuple[str, str, str]]:
    """Of each measure its name, the case's figure, and the one before."""
    found = []
    for name in entry.row.values:
        now = shown_value(entry.row, name)
        before = None if entry.before is None else shown_value(entry.before, name)
        found.append((name, "" if now is None else amount(name, now), "" if before is None else amount(name, before)))
    return found


@lru_cache
def _static(name: str) -> str:
    return (files("aver.evals.rendering") / "static" / name).read_text(encoding="utf-8")


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("aver.evals.rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "shortened": shortened}
    environment.globals |= {"values_of": _values, "excerpt": _EXCERPT, "few": _FEW}
    return environment
