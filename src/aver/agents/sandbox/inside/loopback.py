"""The one address of a network namespace: a socket that the sandbox listens on and its parent answers."""

from __future__ import annotations

import fcntl
import os
import socket
from struct import pack

from .refused import Refused

__all__ = ["hand_over_listener"]

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
_BACKLOG = 16


def hand_over_listener(channel: int, port: int) -> int:
    """Bring the loopback device up, listen on ``port`` there, and send that socket over ``channel``: whoever accepts on it speaks to this
    namespace from outside, and nothing else leads out. Returns the port. Raises :class:`Refused`."""
    try:
        with socket.socket(fileno=os.dup(channel)) as parent, socket.socket() as listening:
            name = pack("16sH22x", b"lo", 0)
            flags = int.from_bytes(fcntl.ioctl(listening, _GET_FLAGS, name)[16:18], "little")
            fcntl.ioctl(listening, _SET_FLAGS, pack("16sH22x", b"lo", flags | _UP))
            listening.bind(("127.0.0.1", port))
            listening.listen(_BACKLOG)
            socket.send_fds(parent, [b"+"], [listening.fileno()])
    except OSError as error:
        raise Refused("namespaces", f"the loopback device: {os.strerror(error.errno or 0)}") from None
    return port
