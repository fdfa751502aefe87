"""Every action by name, and how one is written: ``limit feature=assistant to="60 requests/minute"``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.ops.mitigation.releasing import RELEASING
from aver.ops.mitigation.restoring import RESTORING
from aver.ops.mitigation.switching import SWITCHING
from aver.ops.mitigation.types import Action, Kind

__all__ = ["ACTIONS", "LABELS", "filled", "kind_of", "read_action"]

ACTIONS: Mapping[str, Kind] = {kind.name: kind for kind in (*SWITCHING, *RELEASING, *RESTORING)}
LABELS = ("feature", "model", "provider", "tool", "key")
"""What a value may refer to in braces: what the incident's alerts say, or what fails most of it by the evidence of the last minutes."""
_LONGEST = 500
_REFERENCE = re.compile(r"\{([^{}]*)\}")


def kind_of(action: Action) -> Kind:
    """Raises :class:`~aver.core.errors.InvalidInput` for a name that is none."""
    if action.name not in ACTIONS:
        raise InvalidInput(f"There is no action {action.name[:60]!r}", nearest(action.name, ACTIONS))
    return ACTIONS[action.name]


def read_action(text: str) -> Action:
    """One action from its text. Raises :class:`~aver.core.errors.InvalidInput`, with the nearest name, for what is misspelt, lacking or too much."""
    if len(text) > _LONGEST or not text.isprintable():
        raise InvalidInput(f"An action is one line of up to {_LONGEST} characters", "Write one action a line.")
    try:
        words = shlex.split(text)
    except ValueError:
        raise InvalidInput(f"A quotation in {text[:60]!r} has no end", "Close it.") from None
    if not words:
        raise InvalidInput("There is no action", nearest("", ACTIONS))
    given: dict[str, str] = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise InvalidInput(f"{word[:60]!r} gives nothing", "Write NAME=VALUE.")
        if name in given:
            raise InvalidInput(f"{name[:60]!r} is given twice", "Leave one out.")
        given[name] = value
    action = Action(words[0], given)
    kind = kind_of(action)
    for name, value in given.items():
        if name not in kind.arguments:
            step = nearest(name, kind.arguments) if kind.arguments else "It takes none."
            raise InvalidInput(f"{kind.name} takes no {name[:60]!r}", step)
        for label in _REFERENCE.findall(value):
            if label not in LABELS:
                raise InvalidInput(f"An incident says of no {label[:60]!r}", nearest(label, LABELS))
    lacking = [name for name, each in kind.arguments.items() if each.required and name not in given]
    if lacking:
        raise InvalidInput(
            f"{kind.name} lacks {lacking[0]}", f"Add {lacking[0]}=VALUE: {kind.arguments[lacking[0]].about}"
        )
    return action


def filled(action: Action, labels: Mapping[str, str]) -> Action:
    """With what it refers to. Raises :class:`~aver.core.errors.InvalidInput` where the incident does not say."""

    def value(found: re.Match[str]) -> str:
        if not labels.get(found[1]):
            raise InvalidInput(f"It is not known which {found[1]} {action.name} is to be of", f"Write {found[1]}=NAME.")
        return labels[found[1]]

    return replace(action, given={name: _REFERENCE.sub(value, each) for name, each in action.given.items()})
