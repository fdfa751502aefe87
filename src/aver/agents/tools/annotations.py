"""What is declared of one tool, as it is written in a bundle."""

from __future__ import annotations

from typing import Any, get_args

import yaml

from aver.core.labels import LEVELS, REGION, Label
from aver.gateway.config.shapes import Boolean, Choice, Field, ListOf, Record, Text
from aver.gateway.config.words import parts
from aver.policy import Annotations, Effect, Reversal, Trust

__all__ = ["ANNOTATIONS", "TOOL", "annotations_yaml"]

TOOL = Text(r"^[A-Za-z0-9_-]{1,64}$", "a name of letters, digits, dashes and underscores", longest=64)
"""What a tool is called, as providers take it."""
_PATH = Text(r"^\S(.*\S)?$", "the name of an argument, or its path such as event.participants", longest=300)
_PATHS = ListOf(_PATH)
_REGION = Text(f"^{REGION.pattern}$", "the name of a region, of lower-case letters and digits, such as eu-west")
_LEVEL = Choice("level", LEVELS)
_LABEL = Record(
    Label,
    {
        "level": Field(_LEVEL, "How confidential it is; public, if left out."),
        "regions": Field(
            ListOf(_REGION, frozenset), "Where it may go; anywhere, if left out, and nowhere if none is named."
        ),
    },
    parts,
)


def _annotations(effects: frozenset[str], name: str = "", **given: Any) -> Annotations:  # noqa: ARG001 - the tool's, as its key
    return Annotations(frozenset(map(Effect, effects)), **given)


def _annotations_parts(annotations: Annotations) -> dict[str, Any]:
    effects = frozenset(effect.value for effect in annotations.effects)
    return {**parts(annotations), "effects": effects}


ANNOTATIONS = Record(
    _annotations,
    {
        "effects": Field(
            ListOf(
                Choice("effect", tuple(effect.value for effect in Effect)),
                frozenset,
                least=1,
                empty="Write [read] for what changes nothing.",
            ),
            "What running it does: it tells, changes, carries to somebody, moves money, takes away.",
            required=True,
        ),
        "reversal": Field(Choice("reversal", get_args(Reversal)), "Whether its effect can be taken back."),
        "compensation": Field(TOOL, "The tool that takes its effect back."),
        "targets": Field(_PATHS, "The arguments at whom or what it is aimed: recipients, accounts, addresses, paths."),
        "content": Field(_PATHS, "The arguments that are carried along: texts, attachments."),
        "output": Field(Choice("trust", get_args(Trust)), "Whether what it tells may be believed as the tenant's own."),
        "untrusted_fields": Field(_PATHS, "What in a trusted output anybody may have written."),
        "idempotent": Field(
            Boolean(),
            "Whether a call made again with the same arguments and key does nothing more; it is repeated after a crash.",
        ),
        "label": Field(_LABEL, "How confidential what it returns is, and where that may go."),
        "clearance": Field(
            _LEVEL, "The most confidential content that it may be given; internal, where it has a region."
        ),
        "region": Field(_REGION, "Where it takes what it is given."),
    },
    _annotations_parts,
)


def annotations_yaml(annotations: Annotations) -> str:
    """One line, as it is written behind a tool's name."""
    return yaml.safe_dump(ANNOTATIONS.write(annotations), default_flow_style=True, sort_keys=False, width=10**6).strip()
