"""Disguises of what an attacker writes, one a file: pure, by seed, and put on one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.evals.redteam.mutators.base64 import BASE64
from aver.evals.redteam.mutators.bidi import BIDI
from aver.evals.redteam.mutators.code_comment import CODE_COMMENT
from aver.evals.redteam.mutators.crescendo import CRESCENDO
from aver.evals.redteam.mutators.fiction import FICTION
from aver.evals.redteam.mutators.fullwidth import FULLWIDTH
from aver.evals.redteam.mutators.hexadecimal import HEXADECIMAL
from aver.evals.redteam.mutators.homoglyphs import HOMOGLYPHS
from aver.evals.redteam.mutators.html import HTML
from aver.evals.redteam.mutators.json import JSON
from aver.evals.redteam.mutators.languages import LANGUAGES
from aver.evals.redteam.mutators.leetspeak import LEETSPEAK
from aver.evals.redteam.mutators.markdown import MARKDOWN
from aver.evals.redteam.mutators.morse import MORSE
from aver.evals.redteam.mutators.multi_turn import MULTI_TURN
from aver.evals.redteam.mutators.role_play import ROLE_PLAY
from aver.evals.redteam.mutators.rot13 import ROT13
from aver.evals.redteam.mutators.smuggling import SMUGGLING
from aver.evals.redteam.mutators.splitting import SPLITTING
from aver.evals.redteam.mutators.types import Kind, Mutator
from aver.evals.redteam.mutators.typos import TYPOS
from aver.evals.redteam.mutators.zero_width import ZERO_WIDTH

__all__ = ["MUTATORS", "Kind", "Mutator", "chosen_mutators"]

MUTATORS: Mapping[str, Mutator] = {
    each.name: each
    for each in (
        BASE64,
        BIDI,
        CODE_COMMENT,
        CRESCENDO,
        FICTION,
        FULLWIDTH,
        HEXADECIMAL,
        HOMOGLYPHS,
        HTML,
        JSON,
        *LANGUAGES,
        LEETSPEAK,
        MARKDOWN,
        MORSE,
        MULTI_TURN,
        ROLE_PLAY,
        ROT13,
        SMUGGLING,
        SPLITTING,
        TYPOS,
        ZERO_WIDTH,
    )
}
"""By name."""


def chosen_mutators(names: Iterable[str]) -> list[Mutator]:
    """Those named, or of the kinds named, in the order of their names; ``all`` for all of them and ``none`` for none.

    Raises :class:`~aver.core.errors.InvalidInput` for a name that there is not.
    """
    kinds = {each.kind for each in MUTATORS.values()}
    found: dict[str, Mutator] = {}
    for name in names:
        if name in ("all", *kinds):
            found |= {each.name: each for each in MUTATORS.values() if name in ("all", each.kind)}
        elif name in MUTATORS:
            found[name] = MUTATORS[name]
        elif name != "none":
            raise InvalidInput(f"There is no mutator {name[:60]!r}", nearest(name, [*MUTATORS, *kinds, "all", "none"]))
    return [each for name, each in sorted(found.items())]
