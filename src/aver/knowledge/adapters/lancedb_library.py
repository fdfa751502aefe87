"""LanceDB's library, imported without the client of a remote catalogue that comes with it.

``lancedb`` names record types of ``lance_namespace_urllib3_client``, whose package also makes a checked function of every request that
such a catalogue answers. That is about half of what importing LanceDB takes, and an index in a directory asks none of them.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import Lock
from types import ModuleType
from typing import Any

__all__ = ["load"]

_CLIENT = "lance_namespace_urllib3_client"
_loading = Lock()


def load() -> ModuleType:
    """``lancedb``, imported by the first to ask."""
    with _loading:
        if "lancedb" not in sys.modules and _CLIENT not in sys.modules:
            _put_off(_CLIENT)
            # Of its threads for computing it keeps two for reading, which leaves a machine of two cores one.
            os.environ.setdefault("LANCE_IO_CORE_RESERVATION", "0")
            # What this process forks becomes another program at once, which has no use for the index.
            warnings.filterwarnings("ignore", "lancedb fork support", RuntimeWarning)
        return import_module("lancedb")


def _put_off(name: str) -> None:
    """Let modules within the package ``name`` be imported at once, and what the package itself defines when it is first asked for."""
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        return
    loader, package = spec.loader, module_from_spec(spec)

    def define(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        vars(package).pop("__getattr__", None)
        loader.exec_module(package)
        return getattr(package, attribute)

    vars(package)["__getattr__"] = define
    sys.modules[name] = package
