"""Policies, checked and compiled, and the decision they come to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from aver.core.errors import AverError, SettingsError
from aver.policy.cedar import cedar, resource, schema
from aver.policy.requests import entities, request
from aver.policy.statements import Statement, statements
from aver.policy.types import Action, Decision

__all__ = ["STANDARD", "WHOLE", "Policies", "Rule"]

STANDARD = "standard.cedar"
"""The file name of the standard library, which is part of the package."""
WHOLE = "context"
"""What a rule looks at that uses the context in another way than by its fields."""
_KNOWN = frozenset({"id", "decision", "reason"})
_NO_RULE = "No rule allows it."
_MOST_KEPT = 4096
"""Decisions that are kept."""
_LARGEST_KEPT = 2000
"""Characters of what was asked about; of longer ones no decision is kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy: ``name`` from ``@id``, whether it is a ``permit`` that a person has to agree to first (``@decision("ask")``), and
    its ``reason`` for people. ``tool`` is the one that it names, if it names one, ``looks_at`` what else it speaks of: fields of the
    context, or :data:`WHOLE` of it, and ``principal``."""

    name: str
    effect: Literal["permit", "forbid"]
    ask: bool
    reason: str
    place: str
    text: str
    tool: str | None
    looks_at: frozenset[str]


class Policies:
    """A set of policies in force: pure, immutable, safe from several threads.

    What no ``permit`` allows is denied, a ``forbid`` is stronger than every ``permit``, and of several permits that apply one
    that asks is stronger than those that do not. Whatever goes wrong in deciding is a denial that says so.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Compile ``texts``, Cedar source by file name. Raises :class:`SettingsError` with the file and line of the first error."""
        library = cedar()
        self.rules: dict[str, Rule] = {}
        found = [each for file, text in texts.items() for each in statements(text, file)]
        names: dict[str, str] = {}
        for number, statement in enumerate(found):
            rule = _rule(library, statement)
            if rule.name in names:
                raise SettingsError(
                    f"{statement.place}: the name {rule.name!r} is taken by {names[rule.name]}",
                    "Give each policy its own @id.",
                )
            names[rule.name] = rule.place
            self.rules[f"policy{number}"] = rule
        # What no policy looks at cannot decide anything, and costs to be handed over, arguments more than all else together.
        self._looks_at = frozenset[str]().union(*(rule.looks_at for rule in self.rules.values()))
        self._handle = library.PolicySet.from_str("\n".join(each.text for each in found))
        self._kept = lru_cache(_MOST_KEPT)(self._ask)

    @classmethod
    def standard(cls) -> Policies:
        """The standard library alone."""
        return cls({STANDARD: resource(STANDARD)})

    @classmethod
    def load(cls, paths: Iterable[Path]) -> Policies:
        """The standard library and the files at ``paths`` with it. Raises :class:`SettingsError`."""
        texts = {STANDARD: resource(STANDARD)}
        for path in paths:
            try:
                texts[str(path)] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"{path}:1: cannot be read ({error})", "Make it a readable UTF-8 file.") from error
        return cls(texts)

    def meet(self, requests: Sequence[Mapping[str, Any]], rule: Rule | None = None) -> list[bool]:
        """Of each request as :func:`~aver.policy.requests.request` makes it, whether it meets ``rule``, or is allowed by all rules."""
        handle = cedar().PolicySet.from_str(rule.text) if rule else self._handle
        answers = cedar().is_authorized_batch(list(requests), handle, "[]")
        return [bool(answer.diagnostics.reasons) if rule else answer.allowed for answer in answers]

    def decide(self, action: Action, *, afresh: bool = False) -> Decision:
        """What may be done about ``action``. Never raises: an action that cannot be judged is denied.

        The newest decisions are kept by all that policy was asked, which these policies will always answer alike; ``afresh`` asks again.
        """
        try:
            asked = request(action)
            context = asked["context"] if WHOLE in self._looks_at else _lean(asked["context"], self._looks_at)
            written = json.dumps(context)
            known = entities(action, arguments="arguments" in context)
            ask = self._ask if afresh or len(written) + len(known) > _LARGEST_KEPT else self._kept
            return ask(asked["principal"]["id"], action.tool, written, known)
        except AverError as error:
            return Decision("deny", f"{error.cause}.")
        except Exception as error:  # noqa: BLE001  whatever it is, what cannot be judged is denied
            return Decision("deny", f"It cannot be judged ({type(error).__name__}).")

    def _ask(self, user: str, tool: str, context: str, known: str) -> Decision:
        asked = {
            "principal": {"type": "User", "id": user},
            "action": {"type": "Action", "id": "call"},
            "resource": {"type": "Tool", "id": tool},
            "context": context,
        }
        small = len(known) <= _LARGEST_KEPT
        answer = cedar().is_authorized(asked, self._handle, _parsed(known) if small else known)
        if answer.diagnostics.errors:
            return Decision("deny", f"A policy failed: {answer.diagnostics.errors[0]}")
        applied = [self.rules[each] for each in sorted(answer.diagnostics.reasons)]
        if not applied:
            return Decision("deny", _NO_RULE)
        if not answer.allowed:
            return _decision("deny", applied)
        asking = [each for each in applied if each.ask]
        return _decision("ask", asking) if asking else _decision("allow", applied)


def _lean(context: Mapping[str, Any], looks_at: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in context.items() if name in looks_at}


@lru_cache(256)
def _parsed(known: str) -> Any:
    return cedar().Entities.from_json_str(known)


def _decision(outcome: Any, rules: Sequence[Rule]) -> Decision:
    return Decision(outcome, " ".join(each.reason for each in rules), tuple(each.name for each in rules))


def _rule(library: Any, statement: Statement) -> Rule:
    try:
        parsed = json.loads(library.policies_to_json_str(statement.text))
    except ValueError as error:
        raise SettingsError(f"{statement.place}: {error}", "Mend this policy.") from error
    if parsed["templates"]:
        raise SettingsError(
            f"{statement.place}: a template is not a policy", "Name a principal and a resource in place of slots."
        )
    if len(parsed["staticPolicies"]) != 1:
        raise SettingsError(f"{statement.place}: here stands no policy", "Remove what is left over.")
    checked = library.validate_policies(statement.text, schema())
    if not checked.validation_passed:
        raise SettingsError(f"{statement.place}: {checked.errors[0].error}", "Use what the schema of policies names.")
    (policy,) = parsed["staticPolicies"].values()
    annotations = {key: value or "" for key, value in policy.get("annotations", {}).items()}
    if unknown := sorted(annotations.keys() - _KNOWN):
        raise SettingsError(
            f"{statement.place}: there is no annotation @{unknown[0]}", "Use @id, @decision and @reason."
        )
    decision = annotations.get("decision")
    if decision not in (None, "ask") or (decision and policy["effect"] != "permit"):
        raise SettingsError(
            f'{statement.place}: @decision("{decision}") does not fit a {policy["effect"]}',
            'The only decision is "ask", and it stands on a permit.',
        )
    name = annotations.get("id") or statement.place
    reason = annotations.get("reason") or f"Rule {name} applies."
    scope = policy["resource"]
    tool = scope["entity"]["id"] if scope["op"] == "==" else None
    looks_at = set(_looks_at(policy["conditions"]))
    if policy["principal"]["op"] != "All":
        looks_at.add("principal")
    return Rule(
        name, policy["effect"], decision == "ask", reason, statement.place, statement.text, tool, frozenset(looks_at)
    )


def _looks_at(expression: Any) -> Iterator[str]:
    """The fields of the context that an expression of Cedar's JSON speaks of, and ``principal``."""
    if isinstance(expression, list):
        for each in expression:
            yield from _looks_at(each)
    elif isinstance(expression, dict):
        if expression.get("left") == {"Var": "context"} and "attr" in expression:
            yield expression["attr"]
        elif expression == {"Var": "principal"}:
            yield "principal"
        elif expression == {"Var": "context"}:
            yield WHOLE
        else:
            for each in expression.values():
                yield from _looks_at(each)
