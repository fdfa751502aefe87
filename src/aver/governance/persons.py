"""A person's data as one file for them: JSON for programs, a page for people."""

from __future__ import annotations

import html
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from aver.core.clock import rfc3339
from aver.core.errors import InvalidInput
from aver.core.principal import user_reader
from aver.evidence import Ledger
from aver.evidence.clear import steps_of_kinds
from aver.governance.reading import Access, AccessLog
from aver.store import TenantStore

__all__ = ["PersonData", "about", "packed", "page", "write"]

_STEPS = 2000
_EVERYTHING = 10**9
_SECTIONS: Mapping[str, str] = {
    "person": "Who you are here",
    "conversations": "What you asked, and what you were answered",
    "tasks": "What you had agents do",
    "calls": "Calls of models in your name",
    "feedback": "What you said of answers",
    "memory": "What is remembered of you",
    "agreements": "What you agreed to",
    "keys": "API keys in your name",
    "sessions": "Where you are signed in",
    "changes": "Changes of your access, and sign-ins",
    "read": "What you read",
    "read_by_others": "Who looked at your turns",
}


@dataclass(frozen=True, slots=True)
class PersonData:
    """Everything that is kept of one user of one tenant, as they may be shown it now: of an answer that rests on what they may not read any more, the
    words are left out. Sections hold JSON."""

    tenant: str
    user: str
    at: str
    sections: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


def about(store: TenantStore, ledger: Ledger, accesses: AccessLog, user: str) -> dict[str, list[dict[str, Any]]]:
    """What evidence has of a user beside their conversations: calls, feedback, agreements, changes of access, accesses."""
    with store.read() as tx:
        subject = ledger.subject_ids(tx, [user_reader(user)]).get(user_reader(user))
    found: dict[str, list[dict[str, Any]]] = {}
    if subject is None:
        return found
    kept: Mapping[str, tuple[Literal["clear", "whole"], tuple[str, ...]]] = {
        "calls": ("clear", ("called",)),
        "feedback": ("whole", ("judged",)),
        "agreements": ("clear", ("acknowledged",)),
        "changes": ("whole", ("person_changed", "key_created", "key_revoked", "signed_in")),
    }
    for name, (how, kinds) in kept.items():
        found[name] = list(_steps(store, ledger, subject, kinds, whole=how == "whole"))
    mine = {each["turn"] for each in _steps(store, ledger, subject, ("admitted",), whole=False)}
    found["read"] = [_access(each) for each in accesses.entries(user=user, most=_EVERYTHING)]
    found["read_by_others"] = [
        _access(each) for each in accesses.looks(_EVERYTHING) if each.turn in mine and each.user != user
    ]
    return found


def _steps(
    store: TenantStore, ledger: Ledger, subject: str, kinds: Sequence[str], *, whole: bool
) -> Iterator[dict[str, Any]]:
    after = 0
    while some := steps_of_kinds(store, kinds, after, _STEPS, subject=subject):
        after = some[-1].seq
        opened = ledger.turns({each.turn for each in some}) if whole else {}
        for each in some:
            body = next((step.body for step in opened.get(each.turn, ()) if step.seq == each.seq), None)
            said = {"body": body} if whole else {}
            yield {"at": each.at, "kind": each.kind, "turn": each.turn, "facts": each.facts, **said}


def _access(access: Access) -> dict[str, Any]:
    return {**asdict(access), "at": rfc3339(access.at), "documents": list(access.documents)}


def packed(data: PersonData) -> bytes:
    """Both as one ZIP file."""
    whole = {"tenant": data.tenant, "user": data.user, "at": data.at, **data.sections}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("person.json", orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        archive.writestr("person.html", page(data))
    return file.getvalue()


def write(data: PersonData, out: Path) -> None:
    """Write it to ``out``, whole or not at all. Raises :class:`~aver.core.errors.InvalidInput` where that cannot be written."""
    content = packed(data)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name[:100]}.", suffix=".part", dir=out.parent)
    except OSError as error:
        raise _unwritable(out, error) from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(out)
    except OSError as error:
        raise _unwritable(out, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def page(data: PersonData) -> str:
    """The same for people: one page that loads nothing and runs nothing. What people wrote is text in it, whatever it holds."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>What is kept of {_text(data.user)}</title><style>{_STYLE}</style></head><body>",
        f'<h1>What is kept of <bdi>{_text(data.user)}</bdi></h1><p>At <bdi dir="auto">{_text(data.tenant)}</bdi>, ',
        f"{_text(data.at)}. The same is in person.json, for programs.</p><nav><ul>",
    ]
    shown = [(name, title, data.sections.get(name, ())) for name, title in _SECTIONS.items()]
    parts += [f'<li><a href="#{name}">{title}</a> ({len(rows):,})</li>' for name, title, rows in shown]
    parts.append("</ul></nav>")
    for name, title, rows in shown:
        parts.append(f'<section id="{name}"><h2>{title}</h2>')
        parts.append("".join(map(_entry, rows)) if rows else "<p>Nothing.</p>")
        parts.append("</section>")
    return "\n".join([*parts, "</body></html>"])


def _entry(row: Mapping[str, Any]) -> str:
    cells = "".join(
        f"<dt>{_text(name.replace('_', ' '))}</dt><dd dir=auto>{_value(value)}</dd>"
        for name, value in row.items()
        if value not in (None, "", [], {})
    )
    return f"<dl>{cells}</dl>"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _entry(value)
    if isinstance(value, list | tuple):
        return "<ul>" + "".join(f"<li>{_value(each)}</li>" for each in value) + "</ul>"
    return _text(rfc3339(value) if isinstance(value, datetime) else str(value))


def _text(text: str) -> str:
    return html.escape(text)


def _unwritable(out: Path, error: OSError) -> InvalidInput:
    return InvalidInput(f"{out} cannot be written: {error.strerror}", "Name a file in a folder that you may write to.")


_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.1rem 1rem;border-top:1px solid;padding:.6rem 0;margin:0}"
    "dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}dl dl{border:0;padding:0}ul{margin:0;padding-left:1.2rem}"
)
