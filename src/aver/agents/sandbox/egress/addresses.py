"""Where a name leads, decided once: what is connected to is the address that was looked at, not the name a second time."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from aver.agents.sandbox.egress.types import Host

__all__ = ["Unreachable", "addresses", "is_public"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """A host that is not connected to, and why, in words for the tool."""


async def addresses(host: Host) -> Sequence[str]:
    """The addresses of a host, in the resolver's order. Raises :class:`Unreachable` when it has none, or when one of them is not public and
    the host is not declared to be private: whoever mixes the two is up to something."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(f"{host.name} has no address") from None
    texts = list(dict.fromkeys(str(each[4][0]) for each in found))
    for text in texts:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not (is_public(address) or (host.private and not _is_nobodys(address))):
            raise Unreachable(f"{host.name} is at {text}, which is no public address")
    return texts


def is_public(address: _Address) -> bool:
    """Whether an address belongs to the internet, also where it holds an address of version 4 within one of version 6."""
    inner = _inner(address)
    return address.is_global and not address.is_multicast and (inner is None or is_public(inner))


def _is_nobodys(address: _Address) -> bool:
    """Link-local addresses, where clouds keep credentials for whoever asks, and what is no single machine's."""
    inner = _inner(address) or address
    return any(each.is_link_local or each.is_multicast or each.is_unspecified for each in (address, inner))


def _inner(address: _Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
