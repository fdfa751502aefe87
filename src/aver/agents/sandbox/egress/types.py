"""Where a tool may connect to, with which secrets, and what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Connection", "Host", "Network", "Secret"]


@dataclass(frozen=True, slots=True)
class Host:
    """A host that a tool may connect to, by name or address. ``private``: it may be on a private network or this machine, which is
    refused otherwise."""

    name: str
    port: int = 443
    tls: bool = True
    private: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is put into ``headers`` of requests to ``hosts`` on their way out. A tool finds a placeholder for it in the environment
    variable ``variable``, and nothing that is sent anywhere else has more than that."""

    variable: str
    value: str = field(repr=False)
    hosts: Sequence[str]
    headers: Sequence[str] = ("Authorization",)


@dataclass(frozen=True, slots=True)
class Network:
    """What a tool declares to need of the network. ``megabytes`` bounds what it sends and receives together, all connections summed."""

    hosts: Sequence[Host]
    secrets: Sequence[Secret] = ()
    megabytes: int = 16


@dataclass(frozen=True, slots=True)
class Connection:
    """One attempt of a tool to connect. ``refused`` says why it got nowhere, or is empty; bytes are those of the far side."""

    host: str
    port: int
    method: str
    refused: str = ""
    sent: int = 0
    received: int = 0
