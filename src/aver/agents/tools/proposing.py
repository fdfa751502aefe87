"""Annotations proposed for tools that have none, from what is written of them: each with its reason, and none where it cannot be told.

A proposal is read by a person before it counts. It errs on the side of more: an effect too many costs a question, one too few an accident.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.agents.tools.aiming import aimed, tells_no_text
from aver.agents.tools.annotations import annotations_yaml
from aver.agents.tools.operation import Operation
from aver.agents.tools.schema import paths
from aver.agents.tools.text import clean
from aver.agents.tools.words import ANYTHING, CARRYING, MONEY, PAIRS, VERBS, split
from aver.policy import Annotations, Effect

__all__ = ["Proposal", "proposals", "proposals_yaml"]

_METHODS = {
    "GET": Effect.READ,
    "HEAD": Effect.READ,
    "OPTIONS": Effect.READ,
    "PUT": Effect.WRITE,
    "PATCH": Effect.WRITE,
    "DELETE": Effect.DELETE,
}
"""What a method of HTTP promises (RFC 9110, section 9.3). POST promises nothing."""
_IDEMPOTENT = ("PUT", "DELETE")
"""Of the methods that change something, those that promise to be idempotent (RFC 9110, section 9.2.2)."""
_PEOPLE = frozenset("participants attendees invitees recipients guests".split())  # noqa: SIM905
_WORDS = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
"""What is no text to one reader of YAML or another."""
_FOR_GOOD = re.compile(r"\b(?:permanent(?:ly)?|irreversibl[ey]|cannot be undone|can't be undone)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for the tool ``name``, and why; without ``annotations`` it could not be told, and ``reasons`` say what is missing."""

    name: str
    annotations: Annotations | None
    reasons: tuple[str, ...]


def proposals(operations: Sequence[Operation]) -> list[Proposal]:
    """One for each operation, in their order."""
    return [_proposal(each, operations) for each in operations]


def proposals_yaml(found: Sequence[Proposal]) -> str:
    """The lines below ``tools:`` of an origin in ``aver.yaml``, each with its reasons; what could not be told is a comment, and so is
    not declared."""
    lines = []
    for each in found:
        lines += [f"# {_said(reason)}" for reason in each.reasons]
        name = f"{_quoted(each.name)}:"
        lines.append(f"{name} {annotations_yaml(each.annotations)}" if each.annotations else f"# {name} undeclared")
    return "".join(f"{line}\n" for line in lines)


def _proposal(operation: Operation, others: Sequence[Operation]) -> Proposal:
    effects, reasons = _effects(operation)
    if not effects:
        return Proposal(operation.name, None, tuple(reasons))
    targets, content = aimed(operation, reads=effects == {Effect.READ})
    if targets:
        reasons.append(f"it is aimed at {', '.join(targets)}")
    output = "trusted" if tells_no_text(operation.returns) else "untrusted"
    if output == "trusted":
        reasons.append("what it returns holds numbers and fixed words alone, in which nobody can write")
    back = _taken_back(operation, others) if effects <= {Effect.WRITE, Effect.DELETE} else None
    irreversible = Effect.READ not in effects and back is None and _is_final(operation, effects)
    if back:
        reasons.append(f"{back} takes it back, by what it is given and returns")
    if irreversible:
        reasons.append("nothing here takes it back")
    again = _changes_once(operation) if Effect.READ not in effects else ""
    if again:
        reasons.append(again)
    annotations = Annotations(
        frozenset(effects),
        reversal="compensable" if back else "irreversible" if irreversible else None,
        compensation=back,
        targets=tuple(targets),
        content=tuple(content),
        output="trusted" if output == "trusted" else "untrusted",
        idempotent=True if again else None,
    )
    return Proposal(operation.name, annotations, tuple(reasons))


def _effects(operation: Operation) -> tuple[set[Effect], list[str]]:
    """What it does, with the reasons; nothing where the signs are missing or speak against each other."""
    hints, words = operation.hints, split(operation.name)
    if doubt := _doubt(operation, words):
        return set(), [doubt]
    verb, of = _verb(operation, words)
    named = VERBS.get(verb)
    promised = _METHODS.get(hints.method)
    if against := _against(operation.hints.method, promised, hints.read_only, named):
        return set(), [
            f"{verb!r} {of} says that it {'only reads' if named is Effect.READ else 'changes something'}, and {against}"
        ]
    if named is None and promised is None and not hints.read_only:
        return set(), ["no word in its name or at the beginning of its description says what it does"]
    effects, reasons = set[Effect](), []
    if named is not None:
        effects.add(named)
        reasons.append(f"{verb!r} {of}")
    if promised is not None and (named is None or promised is Effect.DELETE or promised is Effect.READ):
        effects.add(promised)
        reasons.append(hints.method)
    if hints.read_only:
        effects.add(Effect.READ)
        reasons.append("the server says that it only reads")
    return _more(operation, words, effects, reasons), reasons


def _against(method: str, promised: Effect | None, read_only: bool | None, named: Effect | None) -> str:
    """What speaks against the verb; nothing where nothing does."""
    if named is None:
        return ""
    reads = named is Effect.READ
    if promised is not None and (promised is Effect.READ) is not reads:
        return f"{method} promises to {'change nothing' if promised is Effect.READ else 'change something'}"
    if read_only is not None and read_only is not reads:
        return f"the server says that it {'only reads' if read_only else 'does more than read'}"
    return ""


def _more(operation: Operation, words: Sequence[str], effects: set[Effect], reasons: list[str]) -> set[Effect]:
    """Effects beside the one that the verb says."""
    if effects == {Effect.READ}:
        return effects
    changing = VERBS.get(words[0]) if words else None
    if (money := next((word for word in words if word in MONEY), None)) and changing is not Effect.DELETE:
        effects.add(Effect.SPEND)
        effects.discard(Effect.SEND)
        reasons.append(f"{money!r} in its name: it moves money, or commits to")
    names = {name.rsplit(".", 1)[-1].lower() for name in paths(operation.parameters)}
    if Effect.SEND not in effects and (people := sorted(names & _PEOPLE)):
        effects.add(Effect.SEND)
        reasons.append(f"it has {people[0]}, who are told as a rule")
    arguments = ". ".join(" ".join(split(name)) for name in names)
    said = CARRYING.search(f"{' '.join(words)}. {arguments}. {operation.description}")
    if Effect.SEND not in effects and said is not None:
        effects.add(Effect.SEND)
        reasons.append(f"{said[0]!r} is spoken of: something is carried to somebody")
    return effects


def _doubt(operation: Operation, words: Sequence[str]) -> str:
    """Why its name and the first word of its description do not tell what it does; nothing where they may."""
    if free := next((word for word in words if word in ANYTHING), None):
        return f"{free!r} in its name: what it does depends on what it is told"
    first = _forms(operation.description)
    if free := next((word for word in first if word in ANYTHING), None):
        return f"{free!r} at the beginning of its description: what it does depends on what it is told"
    both = {VERBS[word] for word in words if word in VERBS}
    if "and" in words and len(both) > 1:
        return "its name says that it does several things"
    return ""


def _forms(description: str) -> tuple[str, ...]:
    """The first word of a description, as it may stand in a vocabulary of verbs."""
    first = next(iter(split(description[:40])), "")
    return first, first.removesuffix("s"), first.removesuffix("es")


def _verb(operation: Operation, words: Sequence[str]) -> tuple[str, str]:
    """The word that says what it does, and where it stands: at either end of its name, else at the beginning of its description."""
    for word in (*words[:1], *words[-1:], *words[1:-1]):
        if word in VERBS:
            return word, "in its name"
    for form in _forms(operation.description):
        if form in VERBS:
            return form, "at the beginning of its description"
    return "", ""


def _is_final(operation: Operation, effects: set[Effect]) -> bool:
    return (
        bool(effects & {Effect.SEND, Effect.SPEND, Effect.DELETE})
        or _FOR_GOOD.search(operation.description) is not None
    )


def _changes_once(operation: Operation) -> str:
    """Why a call made again changes nothing more; nothing where nothing says so."""
    if operation.hints.method in _IDEMPOTENT:
        return f"{operation.hints.method} promises that asking again changes nothing more"
    return "the server says that calling it again changes nothing more" if operation.hints.idempotent else ""


def _taken_back(operation: Operation, others: Sequence[Operation]) -> str | None:
    """The tool whose name says the opposite of the same thing, where all that it needs is among what this one is given and returns."""
    words = split(operation.name)
    verb = words[0] if words else ""
    rest = words[1:]
    given = {*_top(operation.parameters), *_top(operation.returns or {})}
    for undo in (back for forth, back in PAIRS if forth == verb):
        for other in others:
            needed = other.parameters.get("required", ())
            if split(other.name) == [undo, *rest] and needed and {*needed} <= given:
                return other.name
    return None


def _top(rules: Mapping[str, Any]) -> list[str]:
    properties = rules.get("properties")
    return [*properties] if isinstance(properties, Mapping) else []


def _said(reason: str) -> str:
    return " ".join(clean(reason)[0].split())[:200]


def _quoted(name: str) -> str:
    """A name as a key of YAML, in double quotes where it could be read as something else."""
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) is not None and name.lower() not in _WORDS
    return name if is_plain else json.dumps(name)
