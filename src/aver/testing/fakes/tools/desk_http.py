"""The ticket desk as an MCP server at an address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService
from aver.testing.fakes.tools.desk import Desk

__all__ = ["FakeDesk"]

_SESSION = "desk-session"


class FakeDesk(FakeService):
    """Speaks streamable HTTP at ``url``. ``streams``: it answers by events instead of JSON; ``sessions``: it hands out a session, and
    knows it until :meth:`forget`."""

    def __init__(self, desk: Desk | None = None, *, streams: bool = False, sessions: bool = True) -> None:
        super().__init__()
        self.desk = desk or Desk()
        self.streams = streams
        self.sessions = sessions and not self.desk.modern
        self._known = False

    def forget(self) -> None:
        """End the session, as a server does that was started anew."""
        self._known = False

    def answer(self, asked: Asked) -> Answer:
        if asked.method != "POST":
            self._known = self._known and asked.method != "DELETE"
            return Answer(status=204 if asked.method == "DELETE" else 405)
        message = asked.json()
        is_hello = message.get("method") == "initialize"
        if self.sessions and not is_hello and not (self._known and asked.headers.get("mcp-session-id") == _SESSION):
            return Answer(_error(None, -32600, "Session not found"), 404)
        if (wrong := self._misrouted(asked, message)) is not None:
            return Answer(_error(message.get("id"), -32020, wrong), 400)
        said = [*self.desk.heard(message)]
        headers = {}
        if is_hello and self.sessions:
            self._known = True
            headers["Mcp-Session-Id"] = _SESSION
        if "id" not in message or "method" not in message:
            return Answer(status=202, headers=headers)
        return self._told(said, headers)

    def _told(self, said: list[Mapping[str, Any] | bytes], headers: dict[str, str]) -> Answer:
        if len(said) == 1 and not self.streams and _is_reply(said[0]):
            headers["Content-Type"] = "application/json"
            return Answer(said[0] if isinstance(said[0], bytes) else json.dumps(said[0]).encode(), headers=headers)
        for each in [*said]:  # it does not wait for what it asked for
            if not isinstance(each, bytes) and not _is_reply(each):
                said += self.desk.waited_for(each.get("id"))
        headers["Content-Type"] = "text/event-stream"
        return Answer(b"".join(map(_event, said)), headers=headers)

    def _misrouted(self, asked: Asked, message: Mapping[str, Any]) -> str | None:
        """What is missing of the headers that say what a request asks, as since 2026-07-28."""
        if not self.desk.modern or message.get("method") in (None, "initialize"):
            return None
        if asked.headers.get("mcp-method") != message["method"]:
            return "Mcp-Method is not the method"
        name = message["params"].get("name")
        return "Mcp-Name is not the name" if name and asked.headers.get("mcp-name") != name else None


def _error(number: Any, code: int, message: str) -> Mapping[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _is_reply(said: Mapping[str, Any] | bytes) -> bool:
    return isinstance(said, bytes) or "method" not in said


def _event(said: Mapping[str, Any] | bytes) -> bytes:
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    return b"event: message\ndata: " + data + b"\n\n"
