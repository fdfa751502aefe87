"""A verdict or a comparison as Markdown for a pull request.

What cases say stands in code spans, cut short: nothing in there is a heading, an image, a link or the mention of somebody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from aver.evals.gates.comparing import Comparison
from aver.evals.gates.judging import Trial
from aver.evals.gates.saying import amount, change_between, counted, moved
from aver.evals.gates.sheet import shown_value
from aver.evals.gates.telling import tell_comparison, tell_judged, told_verdict
from aver.evals.gates.types import Judged, Verdict
from aver.evals.rendering.text import shortened
from aver.evals.types import Case

__all__ = ["comparison_markdown", "gate_markdown", "literal"]

_SIGNS = {"pass": "✅ pass", "fail": "❌ fail", "inconclusive": "❔ inconclusive"}
_NOTHING = "\N{EM DASH}"
_ROWS = 20
"""Cases that a list shows; the page and the files have them all."""


def gate_markdown(verdict: Verdict, trials: Sequence[Trial], cases: Mapping[str, Case] | None = None) -> str:
    """A heading, a table of conditions, then the cases that speak against them, folded."""
    lines = [f"## {_SIGNS[verdict.outcome]}", "", told_verdict(verdict), ""]
    lines += ["| | condition | found | |", "| --- | --- | --- | --- |"]
    lines += [_row(each) for each in verdict.judged]
    for suite, reasons in verdict.objections.items():
        lines += ["", *(f"- {literal(suite)} cannot pass: {_plain(reason)}" for reason in reasons)]
    for each in verdict.unmet:
        run = next(trial for trial in trials if trial.suite == each.suite)
        lines += _cases(each, run, cases or {})
    for trial in trials:
        header = trial.run.header
        release = f", release `{header.release[:12]}`" if header.release else ""
        of = f"{literal(header.dataset)} (`{header.dataset_digest[:12]}`), asked of {literal(header.target)}{release}"
        lines += ["", f"<sub>{literal(trial.suite)}: {counted(len(trial.run.rows), 'case')} of {of}.</sub>"]
    return "\n".join(lines) + "\n"


def comparison_markdown(comparison: Comparison, before: str = "A", after: str = "B") -> str:
    """The sentences, then a table of all measures."""
    sentences = list(tell_comparison(comparison, before, after))
    lines = [f"**{_plain(sentences[0])}**", "", *(f"- {_plain(each)}" for each in sentences[1:]), ""]
    lines += [
        "| measure | before | after | difference | 95 % interval | n | |",
        "| --- | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    for name, each in comparison.changes.items():
        found = each.difference
        sides = f"{amount(name, found.before)} | {amount(name, found.after)} | {moved(name, found.value)}"
        lines.append(
            f"| {literal(name)} | {sides} | {change_between(name, found.low, found.high)} | {found.n:,} | {found.verdict} |"
        )
    return "\n".join(lines) + "\n"


def literal(text: str, longest: int = 160) -> str:
    """A code span of one line, whose fence is longer than any within, and which does not end a cell of a table."""
    line = shortened(text, longest).replace("|", "¦")
    fence = "`" * (max((len(each) for each in re.findall("`+", line)), default=0) + 1)
    padded = f" {line} " if line[:1] in "` " or line[-1:] in "` " else line
    return f"{fence}{padded}{fence}" if line else _NOTHING


def _plain(sentence: str) -> str:
    """A sentence of Aver's own, in which names may stand that cases bring along."""
    return re.sub(r"([\\`*_{}\[\]<>|~#])", r"\\\1", shortened(sentence, 600)).replace("@", "@\N{WORD JOINER}")


def _row(judged: Judged) -> str:
    name = literal(judged.condition if judged.slice in ("", "*") else f"{judged.condition} [{judged.slice}]")
    return f"| {_SIGNS[judged.outcome]} | {name} | {_plain(tell_judged(judged))} | {_plain(judged.suite)} |"


def _cases(judged: Judged, trial: Trial, cases: Mapping[str, Case]) -> Iterator[str]:
    if not judged.cases:
        return
    title = f"{counted(len(judged.cases), 'case')} against {judged.condition}"
    yield from (
        "",
        f"<details><summary>{escape(shortened(title))}</summary>",
        "",
        "| case | question | before | now |",
        "| --- | --- | ---: | ---: |",
    )
    for name in judged.cases[:_ROWS]:
        question = literal(cases[name].question) if name in cases else _NOTHING
        now = shown_value(trial.run.rows[name], judged.measure)
        old = trial.baseline.rows.get(name) if trial.baseline is not None else None
        before = None if old is None else shown_value(old, judged.measure)
        yield f"| {literal(name)} | {question} | {_figure(judged.measure, before)} | {_figure(judged.measure, now)} |"
    if len(judged.cases) > _ROWS:
        yield f"\n{len(judged.cases) - _ROWS:,} more are in the report."
    yield from ("", "</details>")


def _figure(measure: str, value: float | None) -> str:
    return _NOTHING if value is None else amount(measure, value)
