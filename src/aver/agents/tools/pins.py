"""What was approved of servers that describe their own tools, kept beside the bundle: a tool that says something else is not offered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from aver.agents.tools.operation import Operation
from aver.core import canonical_json, sha256_hex
from aver.core.errors import SettingsError

__all__ = ["LOCK_FILE", "Pins", "Standing", "digest_of"]

LOCK_FILE = "tools.lock.json"
_VERSION = 1
Standing = Literal["approved", "new", "changed"]


def digest_of(name: str, description: str, parameters: Mapping[str, Any], returns: Mapping[str, Any] | None) -> str:
    """SHA-256 of all that a server says of a tool to a model, as canonical JSON, hexadecimal."""
    said = {"name": name, "description": description, "parameters": parameters, "returns": returns}
    return sha256_hex(canonical_json(said))


class Pins:
    """The digests that a person approved, by server and tool: the file ``tools.lock.json`` of the bundle in ``directory``, which belongs
    under version control.

    Raises :class:`~aver.core.errors.SettingsError` for a file that is damaged: to begin anew would approve everything.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / LOCK_FILE
        self._digests = self._read()

    def standing(self, server: str, operation: Operation) -> Standing:
        known = self._digests.get(server, {}).get(operation.name)
        return "new" if known is None else "approved" if known == operation.digest else "changed"

    def approve(self, server: str, operations: Iterable[Operation]) -> None:
        """Take what these operations say now for approved. The file is replaced as a whole."""
        of_server = {**self._digests.get(server, {}), **{each.name: each.digest for each in operations}}
        self._write({**self._digests, server: of_server})

    def forget(self, server: str, names: Iterable[str] | None = None) -> None:
        """Withdraw the approval of these tools, or of all that the server has."""
        gone = {*self._digests.get(server, {})} if names is None else {*names}
        left = {name: digest for name, digest in self._digests.get(server, {}).items() if name not in gone}
        others = {name: each for name, each in self._digests.items() if name != server}
        self._write({**others, server: left} if left else others)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            said = None
        servers = said.get("servers") if isinstance(said, dict) and said.get("version") == _VERSION else None
        if not isinstance(servers, dict) or not all(_is_digests(each) for each in servers.values()):
            raise SettingsError(f"{self.path} cannot be read", "Take it from version control, or approve all anew.")
        return servers

    def _write(self, digests: dict[str, dict[str, str]]) -> None:
        text = json.dumps({"version": _VERSION, "servers": digests}, indent=2, sort_keys=True) + "\n"
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(self.path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise SettingsError(f"{self.path} cannot be written: {error.strerror}", "Approve where it can.") from None
        self._digests = digests


def _is_digests(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
