"""What was approved of servers that describe their own tools, kept beside the bundle: a tool that says something else is not offered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from aver.agents.tools.operation import Operation
from aver.core import canonical_json, sha256_hex
from aver.core.errors import SettingsError

__all__ = ["LOCK_FILE", "Pins", "Standing", "digest_of"]

LOCK_FILE = "tools.lock.json"
_VERSION = 1
_SAID: Final = ("description", "parameters", "returns")
Standing = Literal["approved", "new", "changed"]


def digest_of(name: str, description: str, parameters: Mapping[str, Any], returns: Mapping[str, Any] | None) -> str:
    """SHA-256 of all that a server says of a tool to a model, as canonical JSON, hexadecimal."""
    said = {"name": name, "description": description, "parameters": parameters, "returns": returns}
    return sha256_hex(canonical_json(said))


class Pins:
    """What a person approved, by server and tool: the file ``tools.lock.json`` of the bundle in ``directory``, which belongs under version
    control. Each tool stands there with its digest and with all that it said, so that a change can be read.

    Raises :class:`~aver.core.errors.SettingsError` for a file that is damaged: to begin anew would approve everything.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / LOCK_FILE
        self._approved = self._read()

    @property
    def approved(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Everything, by server and tool: the ``digest`` of what it said, and what it said."""
        return self._approved

    def standing(self, server: str, operation: Operation) -> Standing:
        known = self._approved.get(server, {}).get(operation.name)
        return "new" if known is None else "approved" if known["digest"] == operation.digest else "changed"

    def changes(self, server: str, operation: Operation) -> dict[str, tuple[Any, Any]]:
        """What the tool says otherwise than when it was approved: the old and the new of ``description``, ``parameters``, ``returns``."""
        known, said = self._approved.get(server, {}).get(operation.name, {}), _said(operation)
        return {word: (known.get(word), said[word]) for word in _SAID if known.get(word) != said[word]}

    def approve(self, server: str, operations: Iterable[Operation]) -> None:
        """Take what these operations say now for approved. The file is replaced as a whole."""
        said = {each.name: {"digest": each.digest, **_said(each)} for each in operations}
        self._write({**self._approved, server: {**self._approved.get(server, {}), **said}})

    def forget(self, server: str, names: Iterable[str] | None = None) -> None:
        """Withdraw the approval of these tools, or of all that the server has."""
        gone = {*self._approved.get(server, {})} if names is None else {*names}
        left = {name: said for name, said in self._approved.get(server, {}).items() if name not in gone}
        others = {name: each for name, each in self._approved.items() if name != server}
        self._write({**others, server: left} if left else others)

    def _read(self) -> dict[str, dict[str, dict[str, Any]]]:
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            said = None
        servers = said.get("servers") if isinstance(said, dict) and said.get("version") == _VERSION else None
        if not isinstance(servers, dict) or not all(_is_whole(each) for each in servers.values()):
            raise SettingsError(f"{self.path} cannot be read", "Take it from version control, or approve all anew.")
        return servers

    def _write(self, approved: dict[str, dict[str, dict[str, Any]]]) -> None:
        text = json.dumps({"version": _VERSION, "servers": approved}, indent=2, sort_keys=True) + "\n"
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(self.path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise SettingsError(f"{self.path} cannot be written: {error.strerror}", "Approve where it can.") from None
        self._approved = approved


def _said(operation: Operation) -> dict[str, Any]:
    return {word: getattr(operation, word) for word in _SAID}


def _is_whole(tools: Any) -> bool:
    """Whether each tool of a server says what its digest is of."""
    if not isinstance(tools, dict) or not all(isinstance(said, dict) for said in tools.values()):
        return False
    try:
        return all(said["digest"] == digest_of(name, *(said[word] for word in _SAID)) for name, said in tools.items())
    except (KeyError, TypeError, ValueError):
        return False
