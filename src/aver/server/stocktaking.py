"""The inventory of an installation as one tenant has it: the bundle in force, the releases, the tenant's sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aver.governance.inventory.declaration import InventoryConfig
from aver.governance.inventory.service import Content, Inventory, content_of, inventory_of

if TYPE_CHECKING:
    from aver.server.application import Application
    from aver.server.tenancy import TenantServices

__all__ = ["stock_of"]

_MOST_FILES = 10_000


def stock_of(application: Application, services: TenantServices) -> Inventory:
    """Blocking."""
    from sqlalchemy import select

    from aver.knowledge.store import sources
    from aver.server.releasing import registry

    bundle = application.bundle()
    releases = registry(application)
    found, pins = releases.all(), releases.pins()
    in_force = {each.digest for each in pins.values() if each.digest}
    sign_offs = {each.digest: releases.sign_offs(each) for each in found if each.digest in in_force}
    with services.store.read() as tx:
        names = list(tx.scalars(select(sources.c.name)))
    now = _content(bundle.folder)
    return inventory_of(bundle.inventory or InventoryConfig(), now, found, pins, sign_offs, names)


def _content(folder: Path | None) -> Content:
    if folder is None:
        return content_of({"feature": {}}, ())
    from aver.releases.declared import approved_in, declared_in

    declared = declared_in(folder)
    paths = []
    for file in sorted(folder.rglob("*"))[:_MOST_FILES]:
        path = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") for part in path.parts):
            paths.append(path.as_posix())
    return content_of(declared, paths, [*approved_in(folder, declared), *_tools(declared.get("tools") or {})])


def _tools(declared: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The names of tools that are declared one by one, and those of files and APIs that have theirs inside."""
    for kind, each in declared.items():
        for name, said in each.items() if kind != "mcp" else ():
            listed = said.get("tools") if isinstance(said, dict) else None
            yield from [f"{said.get('prefix', '')}{tool}" for tool in listed] if listed else [name]
