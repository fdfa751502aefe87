"""Write the generated parts of the docs: ``cli.md`` from the command line's own help, ``aver.schema.json`` from what reads a bundle, ``control-map.md``
from the frameworks of controls, and the definitions in ``scorecard.md`` from what measures them.
``--check`` says whether they are current."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from aver.governance.controls.reading import frameworks
from aver.governance.proof.judging import QUERIES
from aver.ops.scorecard.definitions import KPIS
from aver.ops.scorecard.types import GROUPS, Kpi
from aver.server.bundle import bundle_schema
from aver.server.cli.main import command
from aver.server.scorecard.saying import amount

BEGINS, ENDS = "<!-- definitions: generated -->", "<!-- end of definitions -->"
HERE = Path(__file__).parent
INTRODUCTION = """# Command line

Generated from the program's own help by `make docs`.

`--json` makes any command print exactly one JSON document on standard output, failures included, as problem details. Without it a failure is
one line on standard error: `error: cause. next step`. Exit codes: 0 done, 2 usage, 3 not found or not allowed (the two cannot be
told apart), 4 verification failed, 10 a gate fails, 11 a gate is inconclusive, 1 anything else.
"""


CONTROLS = """# Control map

Generated from the data in `src/aver/governance/controls/frameworks` by `make docs`. Identifiers are the frameworks' own, titles are in words of Aver's; the published texts are not repeated here.

`aver controls check --tenant TENANT` holds them against evidence, and an [evidence pack](evidence-packs.md) carries the results with the steps they rest on. A control is met when all of its queries are. Met says
that evidence of it is there, not that an auditor would be content; no data says that nothing is on record that could tell.
"""


def commands(root: Any, name: str) -> list[tuple[str, Any]]:
    """A command and those below it, with their full names."""
    below = getattr(root, "commands", {})
    return [(name, root), *(found for child, each in below.items() for found in commands(each, f"{name} {child}"))]


def section(name: str, root: Any) -> str:
    context = root.make_context(name, [], resilient_parsing=True)
    usage = " ".join([name, *root.collect_usage_pieces(context)])
    rows = [record for parameter in root.params if (record := parameter.get_help_record(context))]
    table = "".join(f"| `{cell(option)}` | {cell(text)} |\n" for option, text in rows)
    options = f"\n| option | meaning |\n| --- | --- |\n{table}" if table else ""
    return f"\n## {name}\n\n{(root.help or '').strip()}\n\n```\n{usage}\n```\n{options}"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def page() -> str:
    return INTRODUCTION + "".join(section(name, each) for name, each in commands(command(), "aver"))


def scorecard() -> str:
    """The page, with the table of definitions as they are."""
    before, rest = (HERE / "scorecard.md").read_text(encoding="utf-8").split(BEGINS)
    after = rest.split(ENDS)[1]
    rows = [
        (kpi.name, f"`{kpi.key}`", kpi.about, kpi.over, kpi.under, asked(kpi), GROUPS[kpi.group].lower())
        for kpi in KPIS
    ]
    head = ("KPI", "key", "what it is", "of", "over", "asked, by default", "group")
    lines = [head, ("---",) * len(head), *rows]
    table = "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)
    return f"{before}{BEGINS}\n{table}{ENDS}{after}"


def asked(kpi: Kpi) -> str:
    if kpi.target is None:
        return "nothing"
    return f"at {'least' if kpi.better == 'more' else 'most'} {amount(kpi.target, kpi)}"


def control_map() -> str:
    """Frameworks with their controls and the queries that each rests on, then the queries."""
    parts = [CONTROLS]
    for framework in frameworks().values():
        parts.append(
            f"\n## {framework.title}\n\n`{framework.name}`, edition {framework.edition}: <{framework.source}>. {framework.note}\n"
        )
        rows = [
            (each.id, each.title, ", ".join(map(query, each.queries)), each.cannot or "see the queries")
            for each in framework.controls
        ]
        parts.append(table(("control", "what", "rests on", "not shown"), rows))
    parts.append(
        "\n## Queries\n\nEach is asked of what stands of steps in clear. Their results are `met`, `not_met` or `no_data`.\n"
    )
    parts.append(
        table(("query", "asks", "not shown"), [(f"`{name}`", each.said, each.cannot) for name, each in QUERIES.items()])
    )
    return "".join(parts)


def query(ask: Any) -> str:
    params = ", ".join(
        f"{name} {' or '.join(value) if isinstance(value, list) else value}" for name, value in ask.params.items()
    )
    return f"`{ask.query}`" + (f" ({params})" if params else "")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n" + "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)


def main() -> int:
    pages = {
        HERE / "control-map.md": control_map(),
        HERE / "scorecard.md": scorecard(),
        HERE / "cli.md": page(),
        HERE / "aver.schema.json": json.dumps(bundle_schema(), indent=2, ensure_ascii=False) + "\n",
    }
    if "--check" in sys.argv:
        current = all(path.is_file() and path.read_text(encoding="utf-8") == text for path, text in pages.items())
        return 0 if current else 1
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
