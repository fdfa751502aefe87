"""What differs in the files of two releases: cases of datasets, rules of policies, lines of texts."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path, PurePosixPath

from aver.core.errors import AverError
from aver.evals.datasets.reading import read_dataset
from aver.evals.types import Case
from aver.policy.statements import statements
from aver.releases.diffing.changes import Change, Kind, lines_between
from aver.releases.diffing.declared import lines
from aver.releases.roles import role_of
from aver.releases.types import FrozenFile, Manifest

__all__ = ["file_changes", "unified_files"]

Read = Callable[[FrozenFile], bytes]
"""Gives the bytes of a file of a release."""
_ID = re.compile(r'@id\("((?:[^"\\]|\\.)*)"\)')
_LARGEST = 4 * 2**20
"""Bytes of a text whose lines are compared."""
_SAID = {"bundle": "aver.yaml", "pins": "approvals"}


def file_changes(before: Manifest, after: Manifest, read_before: Read, read_after: Read) -> Iterator[Change]:
    """By path, but for what ``aver.yaml`` declares, which is compared as such: of it is told only where nothing of that differs."""
    old, new = before.paths, after.paths
    for path in sorted({*old, *new}):
        was, now = old.get(path), new.get(path)
        if was == now:
            continue
        role = role_of(path, (after if now else before).declared)
        name = path.removeprefix(f"{role}s/") if role in ("prompt", "policy") else path
        if role == "bundle" and was and now:
            if before.declared != after.declared:
                continue
            count = _lines(read_before(was), read_after(now))
            said = f"{path}: {lines(count or 0)} that change nothing of what is declared"
            yield Change("bundle", path, "changed", said, was.sha256, now.sha256)
            continue
        data = (b"" if was is None else read_before(was), b"" if now is None else read_after(now))
        if role == "policy":
            yield from _rules(path, *data)
            continue
        cases = _cases(path, data[0], data[1], was is None, now is None) if role == "dataset" else None
        yield cases or _file(role, name, was, now, *data)


def _file(role: str, name: str, was: FrozenFile | None, now: FrozenFile | None, before: bytes, after: bytes) -> Change:
    subject = f"{_SAID.get(role, role)} {name}"
    ends = (was and was.sha256, now and now.sha256)
    if was is None or now is None:
        count = _lines(before, after)
        size = lines(count) if count is not None else f"{(was or now).size:,} bytes"  # type: ignore[union-attr]
        kind: Kind = "added" if was is None else "removed"
        return Change(role, name, kind, f"{subject} {kind} ({size})", *ends)
    if was.sha256 == now.sha256:
        said = "may be run now" if now.executable else "may no longer be run"
        return Change(role, name, "changed", f"{subject}: {said}", was.executable, now.executable)
    count = _lines(before, after)
    said = f"{was.size:,} → {now.size:,} bytes" if count is None else lines(count) if count else "ends of lines"
    return Change(role, name, "changed", f"{subject}: {said}", *ends)


def _lines(before: bytes, after: bytes) -> int | None:
    """How many lines differ; ``None`` where one of the two is no text, or too long to be compared."""
    texts = [_text(before), _text(after)]
    if texts[0] is None or texts[1] is None:
        return None
    return lines_between(texts[0].splitlines(), texts[1].splitlines())


def _text(data: bytes) -> str | None:
    if len(data) > _LARGEST or b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _rules(path: str, before: bytes, after: bytes) -> Iterator[Change]:
    old, new = _by_id(path, before), _by_id(path, after)
    found = False
    for name in [*old, *(each for each in new if each not in old)]:
        was, now = old.get(name), new.get(name)
        if was != now:
            found = True
            kind: Kind = "added" if was is None else "removed" if now is None else "changed"
            yield Change("policy", name, kind, f"policy rule {name} {kind}", was, now)
    if not found:
        count = _lines(before, after) or 0
        yield Change("policy", path, "changed", f"{path}: {lines(count)} that change no rule")


def _by_id(path: str, data: bytes) -> dict[str, str]:
    """Rules by their names, without what their layout is; those without one by their place in the file's order."""
    found: dict[str, str] = {}
    for number, each in enumerate(statements(data.decode("utf-8", "replace"), path), 1):
        named = _ID.search(each.text)
        found[named[1] if named else f"{path} ({number})"] = " ".join(each.text.split())
    return found


def _cases(path: str, before: bytes, after: bytes, added: bool, removed: bool, /) -> Change | None:
    """``None`` for what is no labelled set."""
    with tempfile.TemporaryDirectory(prefix="aver-") as folder:
        old, new = (
            {} if gone else _by_case(Path(folder), path, data) for gone, data in ((added, before), (removed, after))
        )
    if old is None or new is None:
        return None
    plus, minus = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    others = sum(old[name] != new[name] for name in old.keys() & new.keys())
    if added or removed:
        kind, count = ("added", plus) if added else ("removed", minus)
        text = f"dataset {path} {kind} ({count:,} cases)"
        return Change("dataset", path, "added" if added else "removed", text, None, {"cases": count})
    counts = [f"{sign}{count:,}" for sign, count in (("+", plus), ("-", minus), ("~", others)) if count]
    said = f"{' '.join(counts)} cases" if counts else "nothing of its cases"
    details = {"added": plus, "removed": minus, "changed": others}
    return Change(
        "dataset", path, "changed", f"dataset {path}: {said}", {"cases": len(old)}, {"cases": len(new), **details}
    )


def _by_case(folder: Path, path: str, data: bytes) -> Mapping[str, Case] | None:
    file = folder / f"cases{PurePosixPath(path).suffix}"
    file.write_bytes(data)
    try:
        return {case.id: replace(case, place="") for case in read_dataset(file).cases}
    except AverError:
        return None


def unified_files(before: Manifest, after: Manifest, read_before: Read, read_after: Read) -> Iterator[str]:
    """Lines of a unified diff over all files that are text, with a line for each other that differs."""
    for path in sorted({*before.paths, *after.paths}):
        was, now = before.paths.get(path), after.paths.get(path)
        if was == now:
            continue
        old = "" if was is None else _text(read_before(was))
        new = "" if now is None else _text(read_after(now))
        if old is None or new is None:
            yield f"Binary files a/{path} and b/{path} differ"
            continue
        names = (f"a/{path}" if was else "/dev/null", f"b/{path}" if now else "/dev/null")
        yield from unified_diff(old.splitlines(), new.splitlines(), *names, lineterm="")
