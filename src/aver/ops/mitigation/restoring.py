"""What is done to an index that is damaged, and to a key that got out. Neither can be undone."""

from __future__ import annotations

from collections.abc import Mapping

from aver.core.errors import NotFound
from aver.core.yaml import nearest
from aver.ops.mitigation.ports import Ports
from aver.ops.mitigation.types import Argument, Done, Kind, Prepared

__all__ = ["RESTORING"]


def _repair(ports: Ports, _given: Mapping[str, str]) -> Prepared:
    said = "would make again, from the stored texts, what is wrong in the index"
    return Prepared(said, lambda _by, _reason: Done(ports.index.repair()), undoable=False)


def _rebuild(ports: Ports, _given: Mapping[str, str]) -> Prepared:
    said = "would make the index anew beside the one that is read, and switch"
    return Prepared(said, lambda _by, _reason: Done(ports.index.rebuild()), undoable=False)


def _revoke(ports: Ports, given: Mapping[str, str]) -> Prepared:
    key, names = given["key"], ports.declared.names("key")
    if names is not None and key not in names:
        raise NotFound(f"There is no API key {key[:60]!r}", nearest(key, names) if names else "The tenant has none.")

    def take(by: str, _reason: str) -> Done:
        ports.keys.revoke(key, by=by)
        return Done(f"the API key {key} opens nothing any more")

    return Prepared(f"would revoke the API key {key}, for good", take, undoable=False)


RESTORING: tuple[Kind, ...] = (
    Kind("repair_index", "Make again what is wrong in the index. Takes as long as it takes.", "stop", {}, _repair),
    Kind("rebuild_index", "Make the index anew beside the one that is read, and switch.", "stop", {}, _rebuild),
    Kind(
        "revoke_key",
        "End an API key, for good. A person does it; what is done of itself holds a key by limit.",
        "administer",
        {"key": Argument("Its id.", among="key")},
        _revoke,
        by_itself=False,
    ),
)
