"""Typed Python functions as tools: the schema is what their types and their docstring say already."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal, NewType, NotRequired, get_type_hints, overload

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python
from typing_extensions import TypedDict

from aver.agents.tools.docstring import read_docstring
from aver.agents.tools.operation import Operation, Unusable
from aver.agents.tools.types import Result
from aver.core.errors import AverError, InvalidInput, SettingsError
from aver.core.labels import LEVELS, Level, read_label
from aver.policy import Annotations, Effect, Reversal, Trust

__all__ = ["Function", "Key", "offered", "tool"]

Key = NewType("Key", str)
"""A parameter of this type is given the key of the effect, the same at every attempt, and is not shown to the model. A function that takes
one promises to bring about one effect for a key, however often it is called with it."""
_NEXT_STEP = "Give it a type that JSON has a form for: text, numbers, lists, mappings, enums, dataclasses, TypedDicts."


@dataclass(frozen=True)
class Function:
    """A function that ``@tool`` stands above. Called, it is the function. ``keys`` are its parameters for the effect's key."""

    function: Callable[..., Any]
    operation: Operation
    keys: tuple[str, ...] = ()

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self.function(*given, **named)


@overload
def tool(function: Callable[..., Any], /) -> Function: ...
@overload
def tool(
    *,
    effects: Collection[Effect | str] | None = None,
    reversal: Reversal | None = None,
    compensation: str | None = None,
    targets: Sequence[str] = (),
    content: Sequence[str] = (),
    output: Trust = "untrusted",
    untrusted_fields: Sequence[str] = (),
    idempotent: bool = False,
    label: Mapping[str, Any] | None = None,
    clearance: Level | Literal[""] = "",
    region: str = "",
    name: str = "",
) -> Callable[[Callable[..., Any]], Function]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    effects: Collection[Effect | str] | None = None,
    reversal: Reversal | None = None,
    compensation: str | None = None,
    targets: Sequence[str] = (),
    content: Sequence[str] = (),
    output: Trust = "untrusted",
    untrusted_fields: Sequence[str] = (),
    idempotent: bool = False,
    label: Mapping[str, Any] | None = None,
    clearance: Level | Literal[""] = "",
    region: str = "",
    name: str = "",
) -> Function | Callable[[Callable[..., Any]], Function]:
    """Make a tool of a typed function, sync or async. What is given is its :class:`~aver.policy.Annotations`; without ``effects`` it has none
    and is not offered until the bundle declares them.

    ``idempotent`` promises that a call made again with the same arguments brings about no more than the first did: it is repeated where
    nobody knows whether it ran. A parameter of the type :data:`Key` promises the same for calls with the same key.

    ``label`` is that of what it returns, as the bundle writes it: ``{"level": "restricted", "regions": ["eu"]}``.

    ``name`` is what it is called, its own name if left out. Types may be anything that pydantic has a JSON Schema for; a description
    is taken from the docstring, or from ``Annotated[T, "description"]``. Arguments are converted strictly: text is never taken for a number.

    Raises :class:`~aver.core.errors.SettingsError` for a parameter without a type, and for a type that has no JSON Schema.
    """
    own = None
    if effects is not None:
        try:
            known = frozenset(Effect(effect) for effect in effects)
        except ValueError as error:
            raise SettingsError(f"An effect is unknown: {error}", f"They are: {', '.join(Effect)}.") from None
        own = Annotations(
            known,
            reversal,
            compensation,
            tuple(targets),
            tuple(content),
            output,
            tuple(untrusted_fields),
            **_placed(label, clearance, region),
        )

    def make(function: Callable[..., Any]) -> Function:
        types = _types(function, name or function.__name__)
        keys = tuple(each for each, kind in types.items() if kind is Key and each != "return")
        operation = _operation(function, name or function.__name__, own, types, keys)
        return Function(function, replace(operation, idempotent=idempotent or bool(keys)), keys)

    return make if function is None else make(function)


def offered(module: ModuleType, named: Iterable[str]) -> dict[str, Function | Unusable]:
    """What a module offers, by the names that it has there: its own functions under ``@tool``, and those ``named``, which need none. A named
    one that can be no tool says why."""
    found: dict[str, Function | Unusable] = {
        name: each
        for name, each in vars(module).items()
        if isinstance(each, Function) and each.function.__module__ == module.__name__
    }
    called = {each.operation.name for each in found.values() if isinstance(each, Function)}
    for name in named:
        plain = getattr(module, name, None)
        if name in called or name in found or not callable(plain):
            continue
        try:
            found[name] = plain if isinstance(plain, Function) else tool(plain)
        except SettingsError as error:
            found[name] = Unusable(name, error.cause, error.next_step)
    return found


def _placed(label: Mapping[str, Any] | None, clearance: str, region: str) -> dict[str, Any]:
    """Raises :class:`SettingsError` for what is no label, level or region: it would hold nothing back."""
    if label is not None and not label.keys() <= {"level", "regions"}:
        raise SettingsError("A label has a level and regions, and nothing else", "Correct its words.")
    try:
        known = read_label({"regions": [region] if region else None, "level": clearance or LEVELS[0]})
        return {"label": read_label(label), "clearance": known.level if clearance else "", "region": region}
    except InvalidInput as error:
        raise SettingsError(error.cause, error.next_step) from None


def _types(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        cause = f"A type of {name!r} cannot be read: {error}"
        raise SettingsError(cause, "Define it at the top of the file.") from None


def _operation(
    function: Callable[..., Any], name: str, own: Annotations | None, types: Mapping[str, Any], keys: Sequence[str]
) -> Operation:
    said = read_docstring(function.__doc__)
    given = _parameters(function, name, types)
    arguments = _arguments(given, types, keys, name)
    parameters = _described(arguments, given, types, said.parameters)
    returned, returns = _returned(types, name)
    run = _run(function, arguments, keys, returned)
    return Operation(name, said.about, parameters, run, returns, own)


def _parameters(function: Callable[..., Any], name: str, types: Mapping[str, Any]) -> list[inspect.Parameter]:
    found = list(inspect.signature(function).parameters.values())
    for parameter in found:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            cause = f"The parameter {parameter.name!r} of {name!r} cannot be given by its name"
            raise SettingsError(cause, "Write a parameter with a name and a type.")
        if parameter.name not in types:
            raise SettingsError(f"The parameter {parameter.name!r} of {name!r} has no type", _NEXT_STEP)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SettingsError(f"{name!r} is a generator", "Return what it tells as a whole.")
    return found


def _arguments(
    given: Sequence[inspect.Parameter], types: Mapping[str, Any], keys: Sequence[str], name: str
) -> TypeAdapter[dict[str, Any]]:
    """All parameters but those of the key, as a mapping of exactly these names."""
    fields = {
        parameter.name: types[parameter.name]
        if parameter.default is parameter.empty
        else NotRequired[types[parameter.name]]
        for parameter in given
        if parameter.name not in keys
    }
    make: Any = TypedDict  # made of names that are known only now
    kind = make(f"Arguments of {name}", fields)
    kind.__pydantic_config__ = ConfigDict(extra="forbid")
    return _adapter(kind, f"A parameter of {name!r}")


def _adapter(kind: Any, what: str) -> TypeAdapter[Any]:
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        adapter.json_schema()
    except PydanticUserError as error:
        raise SettingsError(f"{what} has a type without a JSON Schema: {error.message[:200]}", _NEXT_STEP) from None
    return adapter


def _described(
    arguments: TypeAdapter[Any],
    given: Sequence[inspect.Parameter],
    types: Mapping[str, Any],
    said: Mapping[str, str],
) -> dict[str, Any]:
    rules = arguments.json_schema()
    for name in ("title", "additionalProperties"):
        rules.pop(name, None)
    rules["additionalProperties"] = False
    properties = rules.setdefault("properties", {})
    for parameter in given:
        if (inner := properties.get(parameter.name)) is None:
            continue
        inner.pop("title", None)
        about = _annotated(types[parameter.name]) or said.get(parameter.name, "")
        if about and "description" not in inner:
            inner["description"] = about
        if parameter.default is not parameter.empty:
            try:
                inner["default"] = to_jsonable_python(parameter.default)
            except PydanticSerializationError:
                inner.pop("default", None)
    return rules


def _annotated(kind: Any) -> str:
    """The text in ``Annotated[T, "text"]``."""
    words = [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, str)]
    return words[0] if words else ""


def _returned(types: Mapping[str, Any], name: str) -> tuple[TypeAdapter[Any] | None, dict[str, Any] | None]:
    if types.get("return", Any) is Any:
        return None, None
    adapter = _adapter(types["return"], f"What {name!r} returns")
    rules = adapter.json_schema(mode="serialization")
    rules.pop("title", None)
    return adapter, rules


def _run(
    function: Callable[..., Any],
    arguments: TypeAdapter[dict[str, Any]],
    keys: Sequence[str],
    returned: TypeAdapter[Any] | None,
) -> Callable[[Mapping[str, Any], str], Any]:
    async def run(given: Mapping[str, Any], key: str) -> Result:
        try:
            # By way of JSON, where a date is text and a tuple a list, and nothing else is taken for anything else.
            named = arguments.validate_json(to_json(given), strict=True)
        except ValidationError as error:
            raise InvalidInput(f"The arguments do not fit: {_first(error)}", "Correct them.") from None
        named = {**named, **dict.fromkeys(keys, key)}
        try:
            if inspect.iscoroutinefunction(function):
                value = await function(**named)
            else:
                value = await asyncio.to_thread(function, **named)
        except (AverError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever the author's function raises is what the tool says
            return Result(None, f"{type(error).__name__}: {error}", failed=True)
        return _result(value, returned)

    return run


def _result(value: Any, returned: TypeAdapter[Any] | None) -> Result:
    try:
        # What JSON has no form for, such as a number that is none, becomes null.
        text = to_json(value, inf_nan_mode="null") if returned is None else returned.dump_json(value, warnings="none")
        plain = from_json(text, allow_inf_nan=False)
    except (PydanticSerializationError, UnicodeEncodeError, ValueError) as error:
        return Result(None, f"The call went through, but what it returned is no JSON: {error}", failed=True)
    return Result(plain, "")


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
