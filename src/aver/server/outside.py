"""Targets that are not Aver's own: an endpoint by its address or as the bundle declares it, and a function in processes of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest, parse_yaml
from aver.evals.targets.endpoint import Endpoint, EndpointTarget
from aver.evals.targets.function import Function
from aver.gateway.config.words import CREDENTIAL, URL

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = ["endpoint_of", "opened_endpoint", "opened_function"]


def endpoint_of(name: str, declared: Mapping[str, Endpoint], model: str = "", credential: str = "") -> Endpoint:
    """The endpoint that the bundle declares by this name; or, for an address, the one there, which is asked for chat completions of ``model`` with the
    key that ``credential`` refers to.

    Raises :class:`~aver.core.errors.InvalidInput` for a name that nobody declares, and :class:`~aver.core.errors.SettingsError` for an address
    or a reference that is none.
    """
    if name.lower().startswith(("http://", "https://")):
        address = URL.read(parse_yaml(name, "--target"))
        reference = CREDENTIAL.read(parse_yaml(credential, "--credential")) if credential else ""
        return Endpoint(address, address, model, reference)
    if name not in declared:
        advice = nearest(name, declared) if declared else "Give its address, or declare it under evals: endpoints:."
        raise InvalidInput(f"There is no endpoint {name[:80]!r}", advice)
    if model or credential:
        raise InvalidInput(f"The endpoint {name!r} says itself what it is asked with", "Correct it in the bundle.")
    return declared[name]


@asynccontextmanager
async def opened_endpoint(application: Application, endpoint: Endpoint) -> AsyncIterator[EndpointTarget]:
    """Over connections of its own, with the installation's secrets."""
    from aver.gateway.credentials import Secrets
    from aver.gateway.transport import Transport
    from aver.server.gateways import environment

    transport = Transport()
    secrets = Secrets(environment(application.settings), application.clock)
    try:
        yield EndpointTarget(endpoint, transport, secrets, application.clock)
    finally:
        await transport.close()


@asynccontextmanager
async def opened_function(place: str, folder: Path, version: str = "") -> AsyncIterator[Function]:
    """``FILE.py:NAME``, a file named from ``folder``, or ``MODULE:NAME``. Raises :class:`~aver.core.errors.InvalidInput` where it cannot be loaded."""
    where, _, name = place.rpartition(":")
    made = Function(f"{folder / where}:{name}" if where.endswith(".py") else place, version)
    try:
        await made.check()
        yield made
    finally:
        await made.close()
