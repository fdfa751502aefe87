"""``aver redteam suites``: which attacks there are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, table

__all__ = ["suites"]


def suites(
    file: Annotated[
        list[str] | None, typer.Argument(metavar="SUITE", help="By name or file; all, if left out.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A bundle, whose suites are in DIR/redteam.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the suites with what each is after, and the disguises. Files are read whole, so that a mistake in one is found."""
    from aver.evals.redteam.mutators import MUTATORS
    from aver.evals.redteam.reading import chosen
    from aver.evals.redteam.taxonomy import CATEGORIES

    attacks = chosen(file or (), [bundle / "redteam"] if bundle is not None else [])
    counts: dict[str, Counter[bool]] = {}
    about: dict[str, str] = {}
    items: dict[str, set[str]] = {}
    for each in attacks:
        name = each.id.partition("/")[0]
        counts.setdefault(name, Counter())[each.control] += 1
        about[name] = CATEGORIES[each.category]
        items.setdefault(name, set()).update((*each.owasp, *each.nist))
    rows = [(name, count[False], count[True], about[name], sorted(items[name])) for name, count in counts.items()]
    if as_json:
        keys = ("suite", "attacks", "controls", "about", "items")
        mutators = [{"name": each.name, "kind": each.kind, "about": each.about} for each in MUTATORS.values()]
        print_json({"suites": [dict(zip(keys, row, strict=True)) for row in rows], "mutators": mutators})
        return
    table(("suite", "attacks", "controls", "after", "lists"), [(*row[:4], " ".join(row[4])) for row in rows])
    table(("disguise", "kind", "what it is"), [(each.name, each.kind, each.about) for each in MUTATORS.values()])
