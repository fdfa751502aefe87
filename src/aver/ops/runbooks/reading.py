"""Runbooks read from a bundle's folder. A file is Markdown with front matter; in it, a fenced block of the language ``aver`` names one action, and an item of
a task list is a step for a person::

    ---
    title: A provider is out
    rules: ["anomaly:model_failures", "burn:*"]
    ---
    - [ ] Look at the provider's status page.

    ```aver
    shut_out_provider provider={provider}
    ```
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from aver.core.errors import InvalidInput, SettingsError
from aver.core.yaml import nearest, parse_yaml
from aver.gateway.config.shapes import Field, ListOf
from aver.gateway.config.words import NAME, TEXT, record
from aver.ops.mitigation.actions import kind_of, read_action
from aver.ops.mitigation.types import Action
from aver.ops.runbooks.types import FOLDER, Runbook, Step

__all__ = ["Doubt", "doubts", "read_runbook", "read_runbooks", "unknown_names"]

_LONGEST = 100_000
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)")
_TASK = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])\s+\[[ xX]\]\s+(.+)")
_NAMED = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


class _Front(NamedTuple):
    title: str
    rules: tuple[str, ...] = ("*",)
    features: tuple[str, ...] = ("*",)


_FRONT = record(
    _Front,
    title=Field(TEXT, "What it is called.", required=True),
    rules=Field(ListOf(NAME, least=1), "For alerts of which rules, with * for anything; any, if left out."),
    features=Field(ListOf(NAME, least=1), "For incidents of which features; any, if left out."),
)


class Doubt(NamedTuple):
    """Something in a step that names what is not declared: ``FILE:LINE``, and what is said of it."""

    place: str
    said: str


def read_runbooks(bundle: Path) -> Mapping[str, Runbook]:
    """Every runbook of a bundle's folder, by name. Raises :class:`~aver.core.errors.SettingsError` with ``FILE:LINE`` for the first mistake."""
    folder = bundle / FOLDER
    files = sorted(folder.glob("*.md")) if folder.is_dir() else []
    return {each.name: each for each in map(read_runbook, files)}


def read_runbook(file: Path) -> Runbook:
    """One of them. Raises :class:`~aver.core.errors.SettingsError` for what cannot be read, with the line and the nearest name."""
    if not _NAMED.fullmatch(file.stem):
        raise SettingsError(f"{file} has no name for a runbook", "Name it of a-z, 0-9, - and _, as provider-outage.md.")
    try:
        written = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{file} cannot be read: {reason}", "Correct its permissions or its encoding.") from None
    if len(written) > _LONGEST:
        raise SettingsError(f"{file} has {len(written):,} of at most {_LONGEST:,} characters", "Shorten it.")
    front = _FRONT_MATTER.match(written)
    if front is None:
        raise SettingsError(f"{file}:1: there is no front matter", "Begin with ---, title: ..., ---.")
    # An empty line takes the place of the first ---, so that lines are counted as in the file.
    given: _Front = _FRONT.read(parse_yaml("\n" + front[1], str(file)))
    before = written[: front.end()].count("\n")
    text = written[front.end() :]
    steps = tuple(_numbered(_steps(text, before, str(file))))
    if not steps:
        raise SettingsError(f"{file} has no step", "Add a block of the language aver, or an item - [ ].")
    return Runbook(file.stem, given.title, text.strip(), steps, given.rules, given.features, file)


def doubts(runbook: Runbook, names: Callable[[str], Collection[str] | None]) -> Iterator[Doubt]:
    """What its actions name that is not declared. ``names`` gives those of a kind, or ``None`` where others may be right as well."""
    for step in runbook.steps:
        if step.action is not None:
            for said in unknown_names(step.action, names):
                yield Doubt(f"{runbook.file}:{step.line}", said)


def unknown_names(action: Action, names: Callable[[str], Collection[str] | None]) -> Iterator[str]:
    """What an action names that is not declared, each in a sentence with the nearest name."""
    for argument, each in kind_of(action).arguments.items():
        value = action.given.get(argument, "")
        known = names(each.among) if each.among and value and "{" not in value else None
        if known is not None and value not in known:
            step = nearest(value, known) if known else f"No {each.among} is declared."
            yield f"There is no {each.among} {value[:60]!r}. {step}"


def _numbered(steps: Iterator[tuple[str, int, Action | None]]) -> Iterator[Step]:
    for number, (text, line, action) in enumerate(steps, 1):
        yield Step(number, text, line, action)


def _steps(text: str, before: int, name: str) -> Iterator[tuple[str, int, Action | None]]:
    fence = language = ""
    inside: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), before + 1):
        found = _FENCE.match(line)
        if not fence and found:
            fence, language, inside, opened = found[1], found[2], [], number
        elif fence and found and found[1][0] == fence[0] and len(found[1]) >= len(fence) and not found[2]:
            if language == "aver":
                yield _action(inside, opened, name)
            fence = ""
        elif fence:
            inside.append((number, line))
        elif task := _TASK.match(line):
            yield task[1].strip(), number, None
    if fence and language == "aver":
        raise SettingsError(f"{name}:{opened}: the block has no end", f"Close it with {fence}.")


def _action(inside: list[tuple[int, str]], opened: int, name: str) -> tuple[str, int, Action]:
    lines = [(number, line.strip()) for number, line in inside if line.strip()]
    if len(lines) != 1:
        what = "names no action" if not lines else "names more than one action"
        raise SettingsError(f"{name}:{lines[1][0] if lines else opened}: the block {what}", "Write one a block.")
    number, text = lines[0]
    try:
        action = read_action(text)
    except InvalidInput as error:
        raise SettingsError(f"{name}:{number}: {error.cause}", error.next_step) from None
    return kind_of(action).about, number, action
