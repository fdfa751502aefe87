"""Commands that destroy, open a way in, or run what they fetched: shell, Python and SQL.

A rule names an act in its dangerous form, so that the ordinary one passes: ``rm -rf node_modules`` is housekeeping, ``rm -rf ~`` is not;
``DELETE FROM orders WHERE id = 7`` is work, without the condition it is a loss. Text around code is read too: arguments of a tool have
no fences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aver.core.errors import InvalidInput
from aver.guard.code_rules import KINDS, RULES
from aver.guard.types import Finding

__all__ = ["UnsafeCode"]

_EVASION = re.compile(r"/\*(?!!)[^*]{0,200}\*/|/\*!\d{0,6}|\*/|\$\{IFS\}|\$IFS(?:\$\d)?(?!\w)")
"""What a shell or a database reads as white space or past: comments, and the variable that holds it."""


class UnsafeCode:
    """A :class:`~aver.guard.types.Detector` whose kinds are the acts: ``shell_destructive``, ``shell_fetched``, ``reverse_shell``,
    ``secret_access``, ``python_unsafe``, ``sql_destructive``, ``sql_injection``; only those named in ``kinds``, where some are.

    It reads what is written, not what it would do: a command that is put together while it runs, or in another language, passes. What
    runs code needs a sandbox whether or not this was asked. Raises :class:`~aver.core.errors.InvalidInput` for an unknown kind.
    """

    name = "unsafe_code"

    def __init__(self, kinds: Sequence[str] = ()) -> None:
        if unknown := sorted(set(kinds) - KINDS):
            raise InvalidInput(f"Unsafe code knows no kind {unknown[0]!r}", f"Name some of {', '.join(sorted(KINDS))}.")
        self._rules = [rule for rule in RULES if not kinds or rule.kind in kinds]

    def find(self, text: str) -> Sequence[Finding]:
        read = _EVASION.sub(lambda found: " " * len(found[0]), text)
        lower = " ".join(read.lower().split())
        found = [
            Finding(rule.kind, *match.span(), rule.score)
            for rule in self._rules
            # Most texts have no word of most rules, and looking for a word is far cheaper than for a pattern.
            if any(word in lower for word in rule.words)
            for match in rule.pattern.finditer(read)
        ]
        kept: list[Finding] = []
        for each in sorted(found, key=lambda one: (one.start, -one.end)):
            if not kept or each.start >= kept[-1].end:
                kept.append(each)
            elif each.end > kept[-1].end:
                last = kept[-1]
                kept[-1] = Finding(last.kind, last.start, each.end, max(last.score, each.score))
        return kept
