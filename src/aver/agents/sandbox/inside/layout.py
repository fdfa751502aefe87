"""What a sandbox's directory holds: ``tool``, its program; ``work``, where it begins; ``tmp``."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["lay"]


def lay(folder: str, plan: Plan) -> None:
    """Write the tool's files into ``folder/tool``, and give ``work`` and ``tmp`` to the sandbox's user."""
    for name in ("tool", "work", "tmp"):
        os.makedirs(f"{folder}/{name}", 0o755, exist_ok=True)
        if name != "tool" and os.geteuid() == 0 and plan["user"]:
            os.chown(f"{folder}/{name}", plan["user"], plan["user"])
    for name, text in plan["sources"].items():
        with open(f"{folder}/tool/{name}", "w", encoding="utf-8") as file:
            file.write(text)
