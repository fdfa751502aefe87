"""``aver release``: a bundle under one digest, from the first freeze to the last rollback. One file a few commands."""

from __future__ import annotations

from collections.abc import Callable

import typer

from aver.server.cli.releases.carrying import export, import_
from aver.server.cli.releases.comparing import diff
from aver.server.cli.releases.creating import create, delete, tag, untag
from aver.server.cli.releases.moving import history, lacking, promote, rollback
from aver.server.cli.releases.showing import bom, list_, provenance, show
from aver.server.cli.releases.vouching import gate, key, sign, sign_off, verify, withdraw

__all__ = ["app"]

app = typer.Typer(help="Releases: a bundle under one digest, where it is in force, and the way back.")
_COMMANDS: dict[str, Callable[..., None]] = {
    "create": create,
    "list": list_,
    "show": show,
    "diff": diff,
    "tag": tag,
    "untag": untag,
    "sign-off": sign_off,
    "withdraw": withdraw,
    "gate": gate,
    "lacking": lacking,
    "promote": promote,
    "rollback": rollback,
    "history": history,
    "sign": sign,
    "verify": verify,
    "key": key,
    "bom": bom,
    "provenance": provenance,
    "export": export,
    "import": import_,
    "delete": delete,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
