"""Releases as people make and move them: frozen with what this installation makes of a bundle, and on record with every tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aver.core import new_id
from aver.core.errors import AverError, InvalidInput
from aver.evidence import Draft
from aver.releases import Event, Registry, Release
from aver.releases.types import Described
from aver.server.gateways import environment

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = ["create_release", "registry", "releases_folder"]


def releases_folder(application: Application) -> Path:
    """Where the files of releases are, and the key that signs them."""
    return application.settings.data / "releases"


def registry(application: Application) -> Registry:
    """The installation's releases; whatever happens to one is on record with every tenant."""
    return Registry(application.store, application.clock, releases_folder(application), partial(record, application))


def create_release(application: Application, bundle: Path, *, by: str, note: str = "") -> Release:
    """Freeze the bundle in ``bundle``, with the assistant and the tools that come of it here. Blocking, for as long as tools take to be
    opened; no model is called and no MCP server is asked.

    Raises :class:`~aver.core.errors.SettingsError` with ``FILE:LINE`` for a mistake in it, and as
    :meth:`~aver.releases.Registry.create` does.
    """
    from aver.releases.origin import origin_of
    from aver.server.bundle import read_whole

    folder = bundle.parent if bundle.is_file() else bundle
    read_whole(bundle)  # a mistake is told where its author looks for it
    made = replace(origin_of(folder, note), indexes=_indexes(application))
    return registry(application).create(
        folder,
        by=by,
        describe=partial(_described, application),
        provenance=made,
        without=[application.settings.data],
    )


def record(application: Application, event: Event) -> None:
    """Put on record with every tenant what happened to a release. Raises what kept one from being told; the others are told all the same."""
    facts: dict[str, Any] = {
        "release": event.digest or None,
        "environment": event.environment or None,
        "before": event.before or None,
        "lacked": len(event.lacked),
        "rollout": event.rollout or None,
    }
    body = {"by": event.by, "reason": event.reason, "role": event.role, "lacked": list(event.lacked)}
    failed: AverError | None = None
    for tenant in application.store.tenants():
        try:
            services = application.tenant(tenant.id)
            with services.store.begin() as tx:
                services.ledger.append_all(tx, [Draft(new_id("release"), event.kind, None, facts, body)])
        except AverError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _described(application: Application, folder: Path) -> Described:
    """What the bundle in ``folder`` comes to, by what serves one."""
    settings = replace(application.settings, bundle=folder, environment="")
    opened = type(application)(settings, embedder=application.embedder, clock=application.clock)
    try:
        assistant = asdict(opened.release)
        return Described(assistant, asyncio.run(_tools(opened, folder)))
    finally:
        opened.close()


async def _tools(application: Application, folder: Path) -> Mapping[str, Any]:
    """What models are told of the tools that files of the bundle describe. Raises :class:`~aver.core.errors.InvalidInput` for one that is
    declared and cannot be had: a release without it would be another."""
    config = application.bundle().tools
    if config is None:
        return {}
    from aver.agents.tools import open_tools
    from aver.gateway.credentials import Secrets

    secrets = Secrets(environment(application.settings), application.clock)
    found: dict[str, Any] = {}
    for kind in ("python", "code", "openapi"):
        for name, origin in getattr(config, kind).items():
            alone = replace(
                config, **{each: {} for each in ("python", "code", "mcp", "openapi")} | {kind: {name: origin}}
            )
            toolbox = await open_tools(alone, folder, secrets)
            try:
                for each in toolbox.unusable:
                    if not each.name or each.name in origin.tools:
                        what = f"{each.name or 'the tools'} of {kind} {name}"
                        raise InvalidInput(f"{what} cannot be had: {each.cause}", each.next_step)
                found |= {tool.name: _said(f"{kind} {name}", tool) for tool in toolbox.tools.values()}
            finally:
                await toolbox.close()
    return found


def _said(origin: str, tool: Any) -> dict[str, Any]:
    return {
        "origin": origin,
        "description": tool.description,
        "parameters": tool.parameters,
        "returns": tool.returns,
    }


def _indexes(application: Application) -> dict[str, str]:
    """By tenant's id, the version of its index that readers see now."""
    from aver.knowledge.state import read_state
    from aver.knowledge.store import CURRENT

    found = {}
    for tenant in application.store.tenants():
        with application.tenant(tenant.id).store.read() as tx:
            state = read_state(tx).get(CURRENT)
        if state is not None:
            found[tenant.id] = f"{state.version.generation}.{state.version.number} {state.recipe}".strip()
    return found
