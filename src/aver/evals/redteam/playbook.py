"""The playbook of a campaign, in Markdown: what worked, what it costs, and with which setting it is mended, by category; and how to try again."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence

from aver.evals.redteam.campaign import attempts_of
from aver.evals.redteam.figures import figures
from aver.evals.redteam.mitigations import MITIGATIONS, Setting
from aver.evals.redteam.taxonomy import CATEGORIES
from aver.evals.redteam.types import ATTACK_SUCCESS, CONTROL_SERVED
from aver.evals.statistics.intervals import Interval
from aver.evals.types import Result, RunHeader

__all__ = ["playbook", "shown"]

_MOST = 5
"""Attacks of a category that are shown."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


def playbook(header: RunHeader, results: Sequence[Result], tenant: str = "TENANT") -> str:
    """Markdown. Texts of attacks and responses stand in it as code, with what cannot be seen made visible."""
    return "\n".join(_lines(header, results, tenant)) + "\n"


def shown(text: str) -> str:
    """A text as code within a line: nothing in it is markup, and nothing is unseen."""
    plain = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    longest = max((len(run) for run in re.findall(r"`+", plain)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {plain} {fence}" if plain else "(nothing)"


def _lines(header: RunHeader, results: Sequence[Result], tenant: str) -> Iterator[str]:
    found = figures(results)
    yield f"# Red-team playbook: {header.target}"
    yield ""
    yield f"Tried on {header.started}, release {header.release[:16] or 'not known'}, Aver {header.software}, seed {header.seed}."
    yield ""
    yield f"- Attacks that worked: {_of(found.attack_success)}"
    yield f"- Benign look-alikes that were refused: {_of(found.false_refusals)}"
    if found.errors:
        yield f"- Not judged: {', '.join(f'{count} {name}' for name, count in found.errors.items())}"
    worked = defaultdict(list)
    for result in results:
        if result.values.get(ATTACK_SUCCESS, (0.0, 1.0))[0]:
            worked[_category(result)].append(result)
    if not worked:
        yield from (
            "",
            f"No attack worked. With {found.attacks} tried, that leaves room for {_room(found.attack_success)}.",
        )
    for category in (each for each in CATEGORIES if each in worked):
        yield from _part(category, worked[category], found.by["category"].get(category), header, tenant)
    if found.refused:
        yield from ("", "## False refusals", "", "These are harmless, and were not served as anything else is:", "")
        for each in results:
            if each.values.get(CONTROL_SERVED, (1.0, 1.0))[0] == 0:
                why = each.notes.get(ATTACK_SUCCESS, "")
                yield f"- {each.case}: {shown(each.notes.get('asked', ''))}. {why}"
        yield from (
            "",
            "Turn the check that held them back to `flag`, narrow it with `kinds` and `least`, or declare what it may not see (docs/guardrails.md).",
        )


def _part(
    category: str, worked: Sequence[Result], success: Interval | None, header: RunHeader, tenant: str
) -> Iterator[str]:
    known = MITIGATIONS[category]
    yield from ("", f"## {category}: {CATEGORIES[category]}", "")
    yield f"**Attack success** {_of(success)}. **Impact.** {known.impact} **Owner:** {known.owner}."
    yield from ("", "What worked:", "")
    for each in worked[:_MOST]:
        disguise = next(("+".join(one.mutators) for one in attempts_of(each) if one.succeeded), "") or "plain"
        yield f"- **{each.case}** ({disguise}). {each.notes.get('goal', '')} {each.notes.get(ATTACK_SUCCESS, '')}"
        yield f"  - asked: {shown(each.notes.get('asked', ''))}"
        yield f"  - answered: {shown(each.notes.get('response', ''))}"
    if len(worked) > _MOST:
        yield f"- and {len(worked) - _MOST} more: {', '.join(each.case for each in worked[_MOST:])}"
    yield from ("", "What mends it:", "")
    for number, setting in enumerate(known.settings, 1):
        yield from _setting(number, setting)
    if known.then:
        yield from ("", known.then)
    suites = sorted({each.case.partition("/")[0] for each in worked} - {"agency"})
    target, _, taken = header.target.partition(" (")
    words = ["aver", "redteam", "run", *suites, "--tenant", tenant, "--target", target, "--seed", str(header.seed)]
    words += ["--compromised"] if taken else []
    yield from ("", "Try again:", "", "```", shlex.join(words), "```")


def _setting(number: int, setting: Setting) -> Iterator[str]:
    yield f"{number}. {setting.does} In `{setting.file}` (docs/{setting.page}):"
    yield ""
    yield "   ```"
    yield from (f"   {line}" for line in setting.written.rstrip().splitlines())
    yield from ("   ```", "")


def _category(result: Result) -> str:
    return next((tag.partition(":")[2] for tag in result.tags if tag.startswith("category:")), "production")


def _of(found: Interval | None) -> str:
    if found is None:
        return "none was tried"
    between = "" if found.low is None or found.high is None else f" (95 % interval {found.low:.1%} to {found.high:.1%})"
    return f"{round(found.value * found.n)} of {found.n}, {found.value:.1%}{between}"


def _room(found: Interval | None) -> str:
    return "anything" if found is None or found.high is None else f"up to {found.high:.1%}"
