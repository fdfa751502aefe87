"""A server of the Model Context Protocol over its pipes, of typed functions: as much of the protocol as tools take, so that the demo needs no
library of it.

It speaks JSON-RPC 2.0, one message a line, in the versions of the protocol that begin with a handshake
(https://modelcontextprotocol.io/specification/2025-11-25). The tests have the official client use it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import getdoc
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ArgsKwargs

__all__ = ["Failed", "Server"]

VERSIONS = ("2025-06-18", "2025-11-25")
"""Of the protocol: those with structured results and a handshake, the newest last."""
NO_MESSAGE, NO_METHOD, NO_PARAMETERS = -32600, -32601, -32602
"""JSON-RPC's codes of errors."""


class Failed(Exception):
    """What a tool says went wrong, for whoever called it."""


@dataclass(frozen=True)
class Tool:
    """A function: ``call`` takes its arguments as JSON has them, ``returned`` makes JSON of what it returns."""

    described: Mapping[str, Any]
    call: TypeAdapter[Any]
    returned: TypeAdapter[Any]

    def __call__(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of ``tools/call``."""
        try:
            value = self.returned.dump_python(self.call.validate_python(ArgsKwargs((), dict(arguments))), mode="json")
        except ValidationError as error:
            wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]
            return _failed(f"The arguments do not fit: {'; '.join(wrong)}.")
        except Failed as error:
            return _failed(str(error))
        return {"content": _text(json.dumps(value, ensure_ascii=False)), "structuredContent": value}


class Server:
    """The tools that functions are made by :meth:`tool`, and the loop that answers for them."""

    def __init__(self, name: str) -> None:
        self._about = {"name": name, "version": "1"}
        self._tools: dict[str, Tool] = {}

    def tool(
        self, *, reads: bool = False, destroys: bool = False
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Offer a function, whose types and docstring say what it takes and returns. ``reads`` and ``destroys`` are the protocol's hints that
        it changes nothing, and that it takes something away."""
        hints = {"readOnlyHint": reads, "openWorldHint": False, **({} if reads else {"destructiveHint": destroys})}

        def offer(function: Callable[..., Any]) -> Callable[..., Any]:
            call, returned = TypeAdapter(function), TypeAdapter(get_type_hints(function, include_extras=True)["return"])
            described = {
                "name": function.__name__,
                "description": getdoc(function),
                "inputSchema": call.json_schema(),
                "outputSchema": returned.json_schema(mode="serialization"),
                "annotations": hints,
            }
            self._tools[function.__name__] = Tool(described, call, returned)
            return function

        return offer

    def run(self) -> None:
        """Answer over standard input and output until the input ends."""
        for line in sys.stdin.buffer:
            try:
                message = json.loads(line)
            except ValueError:
                message = None
            if not isinstance(message, dict):
                _say(None, _error(NO_MESSAGE, "This is no message"))
            elif "id" in message and "method" in message:  # and nothing to notifications
                _say(message["id"], self._reply(message))

    def _reply(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        params = message.get("params") or {}
        match message.get("method"):
            case "initialize":
                wanted = params.get("protocolVersion")
                version = wanted if wanted in VERSIONS else VERSIONS[-1]
                return _result(protocolVersion=version, capabilities={"tools": {}}, serverInfo=self._about)
            case "ping":
                return _result()
            case "tools/list":
                return _result(tools=[each.described for each in self._tools.values()])
            case "tools/call":
                tool = self._tools.get(params.get("name", ""))
                if tool is None:
                    return _error(NO_PARAMETERS, "There is no such tool")
                return {"result": tool(params.get("arguments") or {})}
        return _error(NO_METHOD, "There is no such method")


def _say(number: Any, reply: Mapping[str, Any]) -> None:
    said = json.dumps({"jsonrpc": "2.0", "id": number, **reply}, ensure_ascii=False)
    sys.stdout.buffer.write(said.encode() + b"\n")
    sys.stdout.buffer.flush()


def _text(said: str) -> list[Mapping[str, str]]:
    return [{"type": "text", "text": said}]


def _failed(said: str) -> Mapping[str, Any]:
    return {"content": _text(said), "isError": True}


def _result(**said: Any) -> Mapping[str, Any]:
    return {"result": said}


def _error(code: int, said: str) -> Mapping[str, Any]:
    return {"error": {"code": code, "message": said}}
