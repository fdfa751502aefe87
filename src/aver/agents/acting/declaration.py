"""The section ``agents`` of a bundle, said once: what reads it, writes it and makes its schema::

agents:
  desk:
    about: Looks after tickets, the calendar and messages.
    model: gpt-5
    instructions: |
      You work at the desk of a small press. Answer briefly.
    tools: [read_ticket, close_ticket, reopen_ticket]
    tenants: [northwind-press]
    groups: [staff]
    limits: {steps: 12, seconds: 2m, usd: 0.50}
    four_eyes: {effects: [spend], role: approver}
    output: {type: object, properties: {summary: {type: string}}, required: [summary]}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from aver.agents.acting.types import Agent, FourEyes, Limits
from aver.agents.tools.schema import Schema
from aver.core import Principal
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue, nearest
from aver.gateway.config import shapes
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Boolean, Choice, Field, ListOf, Made, MapOf, Number, Record, Text, Whole
from aver.gateway.config.words import INSIDE, NAME, NAMES, TEXT, parts
from aver.guard.spotlight import Style
from aver.policy import Effect

__all__ = ["AGENTS", "AgentConfig", "read_agents"]

_NAME = Text(
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", "a name of letters, digits, dots, dashes and underscores", longest=64
)
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """An agent as a bundle declares it: what it does by itself (:class:`Agent`), what it may use, and who may use it."""

    agent: Agent
    about: str = ""
    """What it is for, in a line."""
    tools: tuple[str, ...] | None = None
    """By the names that a model calls them; ``None`` for all of the bundle."""
    tenants: tuple[str, ...] | None = None
    """By name; ``None`` for all."""
    groups: frozenset[str] | None = None
    """Whose members may use it; ``None`` for everyone of the tenant."""
    output: Mapping[str, Any] | None = None
    """JSON Schema of its answers; ``None`` for text."""
    prompt: str = ""
    """The file of its instructions, by its path in the bundle."""

    @property
    def name(self) -> str:
        return self.agent.name

    def serves(self, principal: Principal, tenant: str) -> bool:
        """Whether it is there for ``principal``, whose tenant has the name ``tenant``."""
        here = self.tenants is None or tenant in self.tenants
        return here and (self.groups is None or bool(self.groups & principal.groups))


@dataclass(frozen=True, slots=True)
class _Prose:
    """Text of several lines."""

    def read(self, value: YamlValue) -> str:
        text = value.text().strip()
        if not all(char.isprintable() or char in "\n\t" for char in text):
            raise value.error("the text has characters that cannot be seen", "Write it as plain text.")
        if len(text) > _LONGEST:
            raise value.error(f"the text has {len(text):,} of at most {_LONGEST:,} characters", "Shorten it.")
        return text

    def write(self, value: str) -> str:
        return value

    def schema(self) -> shapes.Schema:
        return {"type": ["string", "number", "boolean"], "maxLength": _LONGEST}


@dataclass(frozen=True, slots=True)
class _Rules:
    """JSON Schema, as it is written."""

    def read(self, value: YamlValue) -> Mapping[str, Any]:
        rules = value.plain()
        if not isinstance(rules, Mapping) or rules.get("type") != "object":
            raise value.error("expected the JSON Schema of an object", "Write {type: object, properties: {...}}.")
        try:
            Schema(rules, "the schema of the answer")
        except SettingsError as error:
            raise value.error(error.cause, error.next_step) from None
        return rules

    def write(self, value: Mapping[str, Any]) -> Any:
        return value

    def schema(self) -> shapes.Schema:
        return {"type": "object", "properties": {"type": {"const": "object"}}, "required": ["type"]}


def _unlike_default(limits: Limits) -> dict[str, Any]:
    return {each.name: value for each in fields(limits) if (value := getattr(limits, each.name)) != each.default}


def _limits(usd: int | None = None, **given: Any) -> Limits:
    return Limits(**given, **({} if usd is None else {"nano_usd": usd}))


def _limits_parts(limits: Limits) -> dict[str, Any]:
    return {{"nano_usd": "usd"}.get(name, name): value for name, value in _unlike_default(limits).items()}


_SECONDS = Duration(above=True)
_LIMITS = Record(
    _limits,
    {
        "steps": Field(Whole(1, 1000), "Replies of the model; the last is asked for without tools."),
        "seconds": Field(_SECONDS, "Of models and tools at work; waiting for people is not counted."),
        "tokens": Field(Whole(1), "Read and written."),
        "usd": Field(
            Made(Number(0, 1e6, above=True), lambda usd: round(usd * 1e9), lambda nano: nano / 1e9), "US dollars."
        ),
        "calls": Field(Whole(1, 1000), "Calls of tools in one reply."),
        "repeats": Field(Whole(1, 1000), "Times that one tool is called with the same arguments."),
        "argument_characters": Field(Whole(1, 10**7), "Of the arguments of one call."),
        "result_characters": Field(Whole(100, 10**6), "Of a result that are kept and shown to the model."),
        "tool_seconds": Field(_SECONDS, "That one call of a tool may take."),
        "reply_tokens": Field(Whole(1), "Of one reply of the model."),
    },
    _limits_parts,
)
_EFFECTS = ListOf(Choice("effect", tuple(effect.value for effect in Effect)), frozenset, least=1)
_FOUR_EYES = Record(
    lambda effects, **given: FourEyes(frozenset(map(Effect, effects)), **given),
    {
        "effects": Field(_EFFECTS, "What a second person approves each time.", required=True),
        "role": Field(NAME, "The role that this person has; admin, if left out."),
    },
    lambda eyes: {**parts(eyes), "effects": frozenset(effect.value for effect in eyes.effects)},
)
_MARKS = {"none": None, **{style: style for style in get_args(Style)}}
_OWN = (
    "model",
    "instructions",
    "limits",
    "four_eyes",
    "approval_hours",
    "temperature",
    "remembers",
    "spotlight",
)
"""The fields that are the agent's own."""


def _agent(name: str, **given: Any) -> AgentConfig:
    own = {each: given.pop(each) for each in _OWN if each in given}
    return AgentConfig(Agent(name=name, **own), **given)


def _agent_parts(config: AgentConfig) -> dict[str, Any]:
    found = {**parts(config.agent), **{name: value for name, value in parts(config).items() if name != "agent"}}
    if config.prompt:
        del found["instructions"]  # they are in its file
    return found


_AGENT = Record(
    _agent,
    {
        "model": Field(NAME, "The model or route that it thinks with.", required=True),
        "about": Field(TEXT, "What it is for, in a line that users read."),
        "instructions": Field(_Prose(), "What it is told to be and to do."),
        "prompt": Field(INSIDE, "The file of its instructions, such as prompts/desk.md, in place of them."),
        "tools": Field(ListOf(NAME), "The tools that it may use, of those the bundle declares; all, if left out."),
        "tenants": Field(NAMES, "The tenants that have it, by name; all, if left out."),
        "groups": Field(ListOf(NAME, frozenset, least=1), "Whose members may use it; everyone, if left out."),
        "limits": Field(_LIMITS, "What bounds one turn."),
        "four_eyes": Field(_FOUR_EYES, "Effects that a second person approves, also where policy allows them."),
        "approval_hours": Field(Number(0, 8760, above=True), "How long an approval is waited for."),
        "temperature": Field(Number(0, 2), "Of the model."),
        "remembers": Field(Boolean(), "Whether it may remember values for its user."),
        "spotlight": Field(
            Made(Choice("way to mark what anybody may have written", tuple(_MARKS)), _MARKS.get, lambda s: s or "none"),
            "How the model is shown what anybody may have written; delimiting, if left out.",
        ),
        "output": Field(_Rules(), "JSON Schema of its answers; text, if left out."),
    },
    _agent_parts,
)
AGENTS = MapOf(_NAME, _AGENT)


def read_agents(
    section: YamlValue,
    models: Mapping[str, object],
    taken: frozenset[str] = frozenset(),
    read_prompt: Callable[[str], str] | None = None,
) -> dict[str, AgentConfig]:
    """The section ``agents`` of a bundle, by name. ``models`` are the models and routes that there are; an agent is called like none of
    them, nor like one of ``taken``: whoever calls it names it as a model. ``read_prompt`` gives what stands in a file of the bundle.

    Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt, unknown or contradictory.
    """
    if section.is_null:
        return {}
    found: dict[str, AgentConfig] = AGENTS.read(section)
    for name, inner in shapes.keyed(section):
        config = found[name.text()]
        if config.name in models or config.name in taken:
            raise name.error(f"{config.name!r} is the name of a model or feature already", "Give the agent another.")
        if config.agent.model not in models:
            place = next(each for key, each in shapes.keyed(inner) if key.text() == "model")
            advice = nearest(config.agent.model, models) if models else "Declare it under models."
            raise place.error(f"there is no model or route {config.agent.model!r}", advice)
        if config.prompt:
            found[config.name] = _prompted(config, inner, read_prompt)
    return found


def _prompted(config: AgentConfig, written: YamlValue, read_prompt: Callable[[str], str] | None) -> AgentConfig:
    """With the instructions that are in its prompt's file."""
    place = next(each for key, each in shapes.keyed(written) if key.text() == "prompt")
    if config.agent.instructions:
        raise place.error("an agent has instructions or a prompt, not both", "Keep one of the two.")
    if read_prompt is None:
        raise place.error("there are no files beside what declares the agent", "Write instructions.")
    return replace(config, agent=replace(config.agent, instructions=read_prompt(config.prompt)))
