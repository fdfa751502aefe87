"""``aver release diff``: what differs, by meaning; as text on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable
from aver.server.cli.progress import spinner
from aver.server.cli.releases.words import opened, told

if TYPE_CHECKING:
    from aver.releases.diffing import Change

__all__ = ["diff"]

_MARKS = {"added": "+", "removed": "-", "changed": "~"}


def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help="A release: a tag, an environment or a digest.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The release that it is compared with.")],
    text: Annotated[bool, typer.Option("--text", help="Every line that differs, as a unified diff.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is otherwise in B than in A: prompts, models, settings, tools, policies, guardrails, budgets, datasets."""
    from aver.releases.diffing import compare, unified

    with opened(context) as (_, releases), spinner("Comparing", quiet=as_json):
        old, new = releases.get(before), releases.get(after)
        changes = compare(old.manifest, new.manifest, releases.read, releases.read)
        lines = unified(old.manifest, new.manifest, releases.read, releases.read) if text else ""
    if as_json:
        document = {"before": old.digest, "after": new.digest, "changes": changes}
        print_json(document | ({"text": lines} if text else {}))
        return
    out = console()
    for line in lines.split("\n") if text else _told(changes, old.digest, new.digest):
        out.print(printable(line), markup=False, soft_wrap=True)


def _told(changes: list[Change], before: str, after: str) -> list[str]:
    if not changes:
        return [f"{told(before)} and {told(after)} are the same"]
    return [f"{_MARKS[each.kind]} {each.text}" for each in changes]
