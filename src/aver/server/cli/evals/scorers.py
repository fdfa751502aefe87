"""``aver eval scorers``: how responses can be judged."""

from __future__ import annotations

from typing import Any

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, table

__all__ = ["scorers"]


def scorers(as_json: AsJson = False) -> None:
    """List the scorers that a suite may name, with what each measures and its settings."""
    from aver.evals.scorers.registry import SCORERS

    rows: list[dict[str, Any]] = [
        {
            "name": kind.name,
            "about": kind.about,
            "measures": kind.measures,
            "settings": {} if kind.settings is None else kind.settings.schema(),
        }
        for kind in sorted(SCORERS.values(), key=lambda kind: kind.name)
    ]
    if as_json:
        print_json({"scorers": rows})
        return
    table(
        ("scorer", "what is right", "measures", "settings"),
        [
            (
                each["name"],
                each["about"],
                ", ".join(each["measures"]),
                ", ".join(each["settings"].get("properties", {})) or ("a text" if each["settings"] else ""),
            )
            for each in rows
        ],
    )
