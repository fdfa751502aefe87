"""Changes of a resource by PATCH (RFC 7644, 3.5.2), over its JSON. What comes of them is checked as a whole afterwards, like any other
resource that a client sends."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from aver.core.errors import InvalidInput, TooLarge
from aver.identity.scim.filter import BadFilter, Compared, Path, parse_path, value_of

__all__ = ["BadPatch", "patched"]

_MOST = 1000
_LISTS = frozenset({"emails", "members", "roles"})
_READ_ONLY = frozenset({"id", "meta", "schemas", "groups"})


class BadPatch(InvalidInput):
    """``kind`` is what SCIM calls the mistake."""

    slug, status = "bad-patch", 400

    def __init__(self, cause: str, kind: str = "invalidSyntax") -> None:
        super().__init__(cause, "Send operations as RFC 7644 has them: op, path, value.")
        self.kind = kind


def patched(resource: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """``resource`` after all operations of ``body``, in their order. Raises :class:`BadPatch` and
    :class:`~aver.identity.scim.filter.BadFilter`; ``resource`` itself is left alone."""
    operations = value_of(body, "Operations")
    if not isinstance(operations, list) or not operations:
        raise BadPatch("A PATCH has a list of Operations")
    if len(operations) > _MOST:
        raise TooLarge(f"A PATCH has at most {_MOST} operations", "Send several.")
    found = copy.deepcopy(dict(resource))
    for each in operations:
        if not isinstance(each, Mapping):
            raise BadPatch("An operation is an object")
        _apply(found, each)
    return found


def _apply(resource: dict[str, Any], operation: Mapping[str, Any]) -> None:
    kind, path, value = (value_of(operation, name) for name in ("op", "path", "value"))
    kind = kind.casefold() if isinstance(kind, str) else kind  # Entra ID writes Add and Replace
    if kind not in ("add", "replace", "remove"):
        raise BadPatch("The op of an operation is add, replace or remove")
    if path is None or path == "":
        _whole(resource, kind, value)
        return
    if not isinstance(path, str):
        raise BadPatch("The path of an operation is a text", "invalidPath")
    _at(resource, kind, parse_path(path), value)


def _whole(resource: dict[str, Any], kind: str, value: Any) -> None:
    """Without a path: an object of attributes, whose names may be paths themselves."""
    if kind == "remove":
        raise BadPatch("A removal names its path", "noTarget")
    if not isinstance(value, Mapping):
        raise BadPatch("Without a path the value is an object", "invalidValue")
    for name, each in value.items():
        if name.casefold() in ("schemas", "id", "meta"):
            continue  # clients send them along
        _at(resource, kind, parse_path(name), each)


def _at(resource: dict[str, Any], kind: str, path: Path, value: Any) -> None:
    name, _, inner = path.attribute.partition(".")
    inner = inner or path.inner
    key = _key(resource, name)
    if key.casefold() in _READ_ONLY:
        raise BadPatch(f"{key!r} cannot be changed", "mutability")
    if path.chosen is not None:
        _members(resource, kind, key, path, value)
    elif key.casefold() in _LISTS:
        if inner:
            raise BadPatch(f"{path.attribute!r} is of a list: say which of its members", "noTarget")
        _list(resource, kind, key, value)
    elif inner:
        _inner(resource, kind, key, inner, value)
    elif kind == "remove":
        resource.pop(key, None)
    elif isinstance(value, Mapping) and isinstance(resource.get(key), Mapping):
        resource[key] = {**resource[key], **value}
    else:
        resource[key] = value


def _inner(resource: dict[str, Any], kind: str, key: str, inner: str, value: Any) -> None:
    held = resource.get(key)
    held = dict(held) if isinstance(held, Mapping) else {}
    if kind == "remove":
        held.pop(_key(held, inner), None)
    else:
        held[_key(held, inner)] = value
    resource[key] = held


def _list(resource: dict[str, Any], kind: str, key: str, value: Any) -> None:
    held = _held(resource, key)
    given = value if isinstance(value, list) else [] if value is None else [value]
    if kind == "replace":
        resource[key] = given
    elif kind == "add":
        known = {_identity(each) for each in held}
        resource[key] = held + [each for each in given if _identity(each) not in known]
    else:  # with values, only these: Entra ID takes members away so
        gone = {_identity(each) for each in given}
        resource[key] = [each for each in held if _identity(each) not in gone] if given else []


def _members(resource: dict[str, Any], kind: str, key: str, path: Path, value: Any) -> None:
    """The members of a list that a filter chooses."""
    assert path.chosen is not None
    held = _held(resource, key)
    chosen = [number for number, each in enumerate(held) if path.chosen.matches(each)]
    if kind == "remove":
        if path.inner:
            held = [
                {name: it for name, it in each.items() if name.casefold() != path.inner.casefold()}
                if number in chosen
                else each
                for number, each in enumerate(held)
            ]
        else:
            held = [each for number, each in enumerate(held) if number not in chosen]
    else:
        given = {path.inner: value} if path.inner else value
        if not isinstance(given, Mapping):
            raise BadPatch("What replaces a member of a list is an object", "invalidValue")
        if not chosen:
            # RFC 7644 has replace fail here; clients (Entra ID) count on the member being made.
            if not isinstance(path.chosen, Compared) or path.chosen.operator != "eq":
                raise BadPatch("The path chooses nothing", "noTarget")
            held = [*held, {path.chosen.attribute: path.chosen.value, **given}]
        held = [{**each, **given} if number in chosen else each for number, each in enumerate(held)]
    resource[key] = held


def _held(resource: Mapping[str, Any], key: str) -> list[Any]:
    held = resource.get(key)
    if held is None:
        return []
    if not isinstance(held, list) or not all(isinstance(each, Mapping) for each in held):
        raise BadFilter(f"{key!r} is no list of objects", "invalidPath")
    return list(held)


def _key(resource: Mapping[str, Any], name: str) -> str:
    """An attribute's name as the resource spells it."""
    return next((key for key in resource if key.casefold() == name.casefold()), name)


def _identity(member: Any) -> str:
    """What two members of a list are equal in: their values."""
    value = value_of(member, "value") if isinstance(member, Mapping) else member
    return str(value).casefold()
