"""Write the generated parts of the docs: ``cli.md`` from the command line's own help, ``aver.schema.json`` from what reads a bundle.
``--check`` says whether they are current."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from aver.server.bundle import bundle_schema
from aver.server.cli.main import command

HERE = Path(__file__).parent
INTRODUCTION = """# Command line

Generated from the program's own help by `make docs`.

`--json` makes any command print exactly one JSON document on standard output, failures included, as problem details. Without it a failure is
one line on standard error: `error: cause. next step`. Exit codes: 0 done, 2 usage, 3 not found or not allowed (the two cannot be
told apart), 4 verification failed, 10 a gate fails, 11 a gate is inconclusive, 1 anything else.
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


def main() -> int:
    pages = {
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
