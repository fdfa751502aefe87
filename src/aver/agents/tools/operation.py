"""What an origin of tools offers, and how it becomes a tool: by annotations, and within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson

from aver.agents.tools.schema import Schema, paths
from aver.agents.tools.text import clean, present
from aver.agents.tools.types import Result
from aver.core.errors import InvalidInput, SettingsError, Undecided
from aver.core.yaml import nearest
from aver.policy import Annotations

__all__ = ["Checked", "Hints", "Limits", "Operation", "Run", "Unusable", "as_tool", "without_unseen"]

Run = Callable[[Mapping[str, Any], str], Awaitable[Result]]
"""Arguments that fit and the key of the effect in, a result out. The text may be empty: then it is made of the value."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take. ``seconds`` in all; ``largest`` bytes of the result's value as JSON; ``shown`` characters of its text."""

    seconds: float = 60.0
    largest: int = 2**20
    shown: int = 20_000


@dataclass(frozen=True, slots=True)
class Hints:
    """What an origin says of an operation's effects, for whoever proposes annotations. It decides nothing."""

    method: str = ""
    """Of HTTP, in capitals."""
    path: str = ""
    read_only: bool | None = None
    destructive: bool | None = None
    open_world: bool | None = None
    idempotent: bool | None = None
    """MCP's readOnlyHint, destructiveHint, openWorldHint and idempotentHint; ``None`` where the server does not say."""


@dataclass(frozen=True)
class Operation:
    """Something an origin can do. It is no tool yet: nothing says what it does to the world. ``own`` are the annotations that its author
    wrote beside it, ``digest`` names what a person saw who approved it, where it can change behind their back."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Run = field(repr=False)
    returns: Mapping[str, Any] | None = None
    own: Annotations | None = None
    hints: Hints = Hints()
    digest: str = ""
    idempotent: bool = False
    """Whether its author promises that a call made again with the same arguments and key brings about no more than the first did."""

    @cached_property
    def arguments(self) -> Schema:
        """Raises :class:`~aver.core.errors.SettingsError` for parameters that are no schema of an object."""
        if self.parameters.get("type") != "object":
            raise SettingsError(f"The parameters of {self.name!r} are no object", "Declare type: object.")
        return Schema(self.parameters, f"The schema of {self.name!r}'s parameters")

    @cached_property
    def value(self) -> Schema | None:
        return None if self.returns is None else Schema(self.returns, f"The schema of what {self.name!r} returns")


@dataclass(frozen=True, slots=True)
class Unusable:
    """An operation of ``origin`` that is not offered, and why; without a name, all that it has."""

    name: str
    cause: str
    next_step: str
    origin: str = ""


class Checked:
    """A :class:`~aver.agents.tools.types.Tool`: an operation under annotations, whose arguments are checked before and whose result is
    bounded and checked after. What it says is shown without anything unseen."""

    def __init__(self, operation: Operation, annotations: Annotations, limits: Limits, name: str) -> None:
        self._arguments, self._value = operation.arguments, operation.value
        self.name = name
        self.annotations = annotations
        self.idempotent = operation.idempotent if annotations.idempotent is None else annotations.idempotent
        self.description = clean(operation.description)[0]
        self.parameters: Mapping[str, Any] = without_unseen(operation.parameters)
        self.returns: Mapping[str, Any] | None = operation.returns and without_unseen(operation.returns)
        self._operation = operation
        self._limits = limits

    def __repr__(self) -> str:
        return f"<tool {self.name}>"

    async def call(self, arguments: Mapping[str, Any], key: str) -> Result:
        wrong = self._arguments.problems(arguments)
        if wrong:
            raise InvalidInput(f"The arguments of {self.name!r} do not fit: {'; '.join(wrong)}", "Correct them.")
        try:
            async with asyncio.timeout(self._limits.seconds):
                result = await self._operation.run(arguments, key)
        except TimeoutError:
            raise Undecided(
                f"{self.name!r} did not answer within {self._limits.seconds:g} s, and may have done its work",
                "See there whether it did.",
            ) from None
        return self._bounded(result)

    def _bounded(self, result: Result) -> Result:
        try:
            # A text is as long as it is, and need not be written to be measured.
            is_long = isinstance(result.value, str) and len(result.value) > self._limits.largest
            size = len(result.value) if is_long else len(orjson.dumps(result.value))
        except (TypeError, ValueError):  # a number that JSON cannot hold, a lone surrogate, a type of its own
            return self._failed(result, "what it returned is no JSON")
        if size > self._limits.largest:
            return self._failed(
                result, f"what it returned has {size:,} bytes, and at most {self._limits.largest:,} are read"
            )
        if not result.failed and self._value is not None and (wrong := self._value.problems(result.value)):
            return self._failed(result, f"what it returned is not what it declares: {'; '.join(wrong)}")
        text = present(result.text or result.value, self._limits.shown)
        return replace(result, text=text)

    def _failed(self, result: Result, said: str) -> Result:
        """Whoever may not read the result may not read what is wrong with it either: it repeats words of it."""
        text = present(f"The call went through, but {said}.", self._limits.shown)
        return replace(result, value=None, text=text, failed=True)


def as_tool(
    operation: Operation, annotations: Annotations, limits: Limits | None = None, name: str | None = None
) -> Checked:
    """``operation`` under ``annotations``, called ``name`` or as it is.

    Raises :class:`~aver.core.errors.SettingsError` for a schema that is none, and for annotations of arguments that there are not: a
    target whose name is misspelt would be guarded by nothing.
    """
    try:
        tool = Checked(operation, annotations, limits or Limits(), name or operation.name)
    except RecursionError:
        raise SettingsError(f"The schema of {operation.name!r} is nested too deeply", "Write it flatter.") from None
    named = (*annotations.targets, *annotations.content)
    _named(paths(operation.parameters), named, f"{operation.name!r} has no argument")
    both = sorted({*annotations.targets} & {*annotations.content})
    if both:
        raise SettingsError(f"{both[0]!r} of {operation.name!r} is a target and content", "Keep it under targets.")
    if operation.returns is not None and (known := paths(operation.returns)):
        _named(known, annotations.untrusted_fields, f"What {operation.name!r} returns has no field")
    return tool


def without_unseen(rules: Any) -> Any:
    """JSON Schema as a model is shown it: what its texts describe is cleaned, and names and values stay as they are."""
    if isinstance(rules, Mapping):
        return {
            name: clean(inner)[0]
            if name in ("description", "title") and isinstance(inner, str)
            else without_unseen(inner)
            for name, inner in rules.items()
        }
    return [without_unseen(each) for each in rules] if isinstance(rules, list) else rules


def _named(known: Sequence[str], names: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise SettingsError(f"{what} {name!r}", nearest(name, known) if known else "It has none at all.")
