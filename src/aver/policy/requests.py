"""An action as Cedar is asked about it: entities and context of the schema in ``schema.cedarschema``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_args

from aver.core import EVERYONE, Principal, group_reader, user_reader
from aver.core.errors import InvalidInput, TooLarge
from aver.core.labels import Label
from aver.policy.types import Action, Effect, Origin, OriginKind

__all__ = ["authority", "declared", "entities", "leaves", "request", "under"]

_RANKED: Mapping[OriginKind, int] = {kind: rank for rank, kind in enumerate(get_args(OriginKind))}
_MOST_LEAVES = 10_000
_UNKNOWN = (Origin("unknown"),)
_MEMBER = re.compile(r"\[\d+\]")
_ARGUMENTS = {"type": "Arguments", "id": "call"}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a JSON value by its path: ``event.title``, ``to[0]``."""
    pending: list[tuple[str, Any]] = [(path, value)]
    while pending:
        at, each = pending.pop()
        if isinstance(each, Mapping):
            pending += [(f"{at}.{key}" if at else str(key), inner) for key, inner in reversed(list(each.items()))]
        elif isinstance(each, list | tuple):
            pending += [(f"{at}[{number}]", inner) for number, inner in reversed(list(enumerate(each)))]
        else:
            yield at, each


def declared(path: str) -> str:
    """The path as it is declared, for all members of a list alike: ``to`` for ``to[0]``."""
    return _MEMBER.sub("", path).lstrip(".") if "[" in path else path.lstrip(".")


def authority(origins: Sequence[Origin]) -> OriginKind:
    """Whose word a value is: the best of those who said it, for what the user said stays the user's when others say it too."""
    return min((each.kind for each in origins), key=_RANKED.__getitem__, default="unknown")


def request(action: Action) -> dict[str, Any]:
    """The request for Cedar. Raises :class:`InvalidInput` for arguments whose names make a path stand for two values, and
    :class:`TooLarge` for more than any tool needs."""
    annotations = action.annotations
    targets: set[str] = set()
    parameters: set[str] = set()
    content: set[str] = set()
    aimed_at: list[Any] = []
    carried: list[Origin] = []
    seen: set[str] = set()
    for path, value in leaves(action.arguments):
        if path in seen:
            raise InvalidInput(f"The arguments of {action.tool} name {path[:60]!r} twice", "Give each argument once.")
        seen.add(path)
        if len(seen) > _MOST_LEAVES:
            raise TooLarge(
                f"The arguments of {action.tool} hold more than {_MOST_LEAVES:,} values", "Ask for less at once."
            )
        origins = action.origins.get(path) or _UNKNOWN
        if under(path, annotations.targets):
            targets.add(authority(origins))
            aimed_at.append(value)
        else:
            carried += origins
            if under(path, annotations.content):
                content.update(each.kind for each in origins)
            else:
                parameters.add(authority(origins))
    return {
        "principal": {"type": "User", "id": _user(action.principal)},
        "action": {"type": "Action", "id": "call"},
        "resource": {"type": "Tool", "id": action.tool},
        "context": {
            "effects": sorted(annotations.effects),
            "reversal": annotations.reversal or "none",
            "arguments": {"__entity": _ARGUMENTS},
            "targets": sorted(targets),
            "parameters": sorted(parameters),
            "content": sorted(content),
            "links": sorted({authority(each) for each in action.links}),
            "readable": _readable(action, aimed_at, carried),
            "about": action.about,
            "asked": action.asked,
            "history": sorted(set(action.history)),
            "label": _label(action.label),
            "cleared": _cleared(action),
        },
    }


def entities(action: Action, *, arguments: bool = True) -> str:
    """The principal with its groups and roles, and the arguments as tags of one entity, without them unless ``arguments``; JSON."""
    if not arguments:
        return _alone(action.principal)
    tags: dict[str, tuple[set[str], set[str]]] = {}
    for path, value in leaves(action.arguments):
        values, origins = tags.setdefault(declared(path), (set(), set()))
        values.add(value if isinstance(value, str) else json.dumps(value))
        origins.add(authority(action.origins.get(path) or _UNKNOWN))
    told = {path: {"values": sorted(values), "origins": sorted(origins)} for path, (values, origins) in tags.items()}
    return json.dumps([_person(action.principal), {"uid": _ARGUMENTS, "attrs": {}, "parents": [], "tags": told}])


@lru_cache(256)
def _alone(principal: Principal) -> str:
    return json.dumps([_person(principal)])


def _user(principal: Principal) -> str:
    return f"{principal.tenant}/{principal.user}"


def _person(principal: Principal) -> dict[str, Any]:
    return {
        "uid": {"type": "User", "id": _user(principal)},
        "attrs": {"tenant": principal.tenant, "name": principal.user},
        "parents": [
            *({"type": "Group", "id": each} for each in sorted(principal.groups)),
            *({"type": "Role", "id": each} for each in sorted(principal.roles)),
        ],
    }


def under(path: str, names: Sequence[str]) -> bool:
    """Whether a leaf is, or stands in, one of the declared arguments."""
    plain = declared(path)
    return plain in names or ("." in plain and any(plain.startswith(f"{each}.") for each in names))


def _readable(action: Action, aimed_at: Sequence[Any], carried: Sequence[Origin]) -> bool:
    """Whether everybody at whom a sending call is aimed may read all that it carries."""
    if Effect.SEND not in action.annotations.effects:
        return True
    closed = [each.readers for each in carried if each.readers is not None and EVERYONE not in each.readers]
    if not closed:
        return True
    return bool(aimed_at) and all(_tokens(target) & readers for target in aimed_at for readers in closed)


def _label(label: Label) -> dict[str, Any]:
    return {"level": label.level, "anywhere": label.regions is None, "regions": sorted(label.regions or ())}


def _cleared(action: Action) -> str:
    """Whether the tool may be given what the call carries: ``yes``, ``no``, or ``unknown`` where it does not say what it may be given."""
    declared = action.annotations
    if not action.label.refuses(declared.clearance, declared.region):
        return "yes"
    return "no" if declared.clearance or declared.region else "unknown"


def _tokens(target: Any) -> frozenset[str]:
    """The reader tokens that a target may stand for; a target that is no name stands for nobody."""
    if not isinstance(target, str) or not target.isprintable() or not 0 < len(target.strip()) <= 200:
        return frozenset()
    name = target.strip()
    return frozenset((user_reader(name), group_reader(name)))
