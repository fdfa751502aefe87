"""Evidence told in plain sentences: one for each step, from its facts and, while it can be read, its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aver.evidence.types import Step, StepKind

__all__ = ["Moment", "tell"]


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened at a time."""

    at: datetime
    sentence: str


def tell(steps: Sequence[Step]) -> Iterator[Moment]:
    """One moment for each step, in order."""
    for step in steps:
        erased = " (its content was erased)" if step.erased else ""
        yield Moment(step.at, _TELLERS[step.kind](_Known(step)) + erased)


class _Known:
    """What a step says, whichever package wrote it: a record of an older release may lack a field."""

    def __init__(self, step: Step) -> None:
        self.seq = step.seq
        self._fields: Mapping[str, Any] = {**step.facts, **(step.body or {})}
        self._facts: Mapping[str, Any] = step.facts

    def text(self, name: str, default: str = "") -> str:
        value = self._fields.get(name)
        return value if isinstance(value, str) and value else default

    def texts(self, name: str) -> list[str]:
        value = self._fields.get(name)
        return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []

    def count(self, name: str) -> int:
        """A number among the facts; a body may have the things themselves under the same name."""
        value = self._facts.get(name)
        return value if isinstance(value, int) else 0

    def number(self, name: str, default: str) -> str:
        value = self._fields.get(name)
        return f"{value:g}" if isinstance(value, int | float) else default

    def counted(self, name: str, noun: str) -> str:
        """``3 passages``."""
        return _counted(self.count(name), noun)

    @property
    def took(self) -> str:
        """``, in 12 ms`` where it is known how long it took."""
        value = self._facts.get("ms")
        if not isinstance(value, int | float):
            return ""
        return f", in {value:.0f} ms" if value < 1000 else f", in {value / 1000:.1f} s"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _admitted(known: _Known) -> str:
    who, question, release = known.text("user", "Someone"), known.text("question"), known.text("release")
    asked = f"{who} asked: {question}" if question else f"{who} asked a question"
    return f"{asked} (release {release[:8]})" if release else asked


def _retrieved(known: _Known) -> str:
    found = f"{known.counted('passages', 'passage')} in {known.counted('documents', 'document')}"
    meant = known.text("question") if known.count("followed_up") else ""
    begin = (
        f"Took it to mean \N{LEFT DOUBLE QUOTATION MARK}{meant}\N{RIGHT DOUBLE QUOTATION MARK}, and found"
        if meant
        else "Found"
    )
    reranks = {"done": ", ordered anew by a model", "deadline": ", ordering them anew took too long and was left out"}
    reranks["failed"] = ", ordering them anew failed and was left out"
    where = f" ({', '.join(known.texts('within'))})" if known.texts("within") else ""
    return f"{begin} {found}{where} that the asker may read{reranks.get(known.text('rerank'), '')}{known.took}"


def _generated(known: _Known) -> str:
    model = known.text("provider", "A model")
    fallback = known.text("fallback_from")
    if fallback:
        model = f"{fallback} failed ({known.text('fallback_error', 'error')}), so {model}"
    if known.text("error"):
        return f"{model} began to write and broke off: {known.text('error')}"
    quoted = "looked for sentences that answer" if known.text("mode") == "extractive" else "wrote an answer"
    if known.count("calls"):
        quoted = f"asked for {known.counted('calls', 'call')} of tools"
    cut = ", cut off at its limit" if known.text("finish") == "length" else ""
    return f"{model} {quoted}{cut}{known.took}"


def _called(known: _Known) -> str:
    asked, model = known.text("asked", "A model"), known.text("model")
    if known.text("error"):
        return f"{asked} was called and failed: {known.text('error')}{known.took}"
    if known.text("cache") == "coalesced":
        return f"{asked} was answered by one call for several who asked the same at once{known.took}"
    if known.text("cache") in ("exact", "semantic"):
        return f"{asked} was answered from the cache{known.took}"
    tried = f" after {known.count('attempts') - 1} that failed" if known.count("attempts") > 1 else ""
    tokens = f"{known.counted('input_tokens', 'token')} read, {known.count('output_tokens'):,} written"
    cost = f", {known.count('nano_usd') / 1e9:.6f} US dollars"
    return f"{model or asked} answered{tried}: {tokens}{cost}{known.took}"


def _verified(known: _Known) -> str:
    if not known.count("sentences"):
        return "There was no sentence to check"
    supported = known.count("supported")
    rest = known.count("sentences") - supported
    unsupported = f", {rest:,} not" if rest else ""
    return f"Checked {known.counted('sentences', 'sentence')}: {supported:,} supported by the sources{unsupported}{known.took}"


def _responded(known: _Known) -> str:
    if known.count("characters"):
        return f"Gave the answer{known.took}"
    if known.count("abstained"):
        return f"Gave no answer, because nothing found supports one{known.took}"
    given = f"{known.counted('sentences', 'sentence')}, {known.counted('citations', 'citation')}"
    return f"Gave the answer: {given}{known.took}"


_PLACES = {
    "input": "the request",
    "passage": "what was retrieved",
    "arguments": "the arguments of a call",
    "result": "what a tool returned",
    "output": "the answer",
}
_REFUSALS = {
    "unknown_tool": "there is no such tool",
    "too_long": "its arguments are too long",
    "not_json": "its arguments cannot be read",
    "invalid_arguments": "its arguments do not fit the tool",
    "repeated": "it was made before",
    "undecided": "it may have been done already",
    "stopped": "the tool is stopped",
    "guard": "a check of its arguments refuses it",
}
_OUTCOMES = {
    "done": "was called and returned",
    "failed": "was called and reported an error",
    "not_run": "did not run",
    "undecided": "may have run or not: nobody can tell",
    "impossible": "cannot take back what was done",
}


def _tool(known: _Known) -> str:
    return known.text("tool", "A tool")


def _checked(known: _Known) -> str:
    outcomes = {"pass": "nothing found", "flag": "flagged", "redact": "parts redacted", "block": "blocked"}
    place = _PLACES.get(known.text("place"), "a text")
    return f"Checked {place}: {outcomes.get(known.text('outcome'), 'done')}"


def _refused(known: _Known) -> str:
    why = _REFUSALS.get(known.text("cause"), known.text("cause"))
    return f"A call of {known.text('tool', 'a tool')} went no further" + (f": {why}" if why else "")


def _decided(known: _Known) -> str:
    words = {"allow": "allows", "deny": "denies", "ask": "asks a person about"}
    reason = known.text("reason")
    again = " still" if known.count("again") and known.text("outcome") != "deny" else ""
    said = f"Policy{again} {words.get(known.text('outcome'), 'decided about')} a call of {known.text('tool', 'a tool')}"
    return said + (f": {reason}" if reason else "")


def _asked(known: _Known) -> str:
    whom = f"somebody with the role {known.text('role')}" if known.text("role") else "the asker"
    return f"Asked {whom} to approve a call of {known.text('tool', 'a tool')}"


def _approved(known: _Known) -> str:
    scope = ", and the like in this conversation" if known.text("scope") == "conversation" else ""
    return f"{known.text('by', 'Someone')} approved the call{scope}"


def _rejected(known: _Known) -> str:
    return f"{known.text('by', 'Someone')} rejected the call" + (", for ever" if known.count("never") else "")


def _expired(_: _Known) -> str:
    return "Nobody approved the call in time"


def _intended(known: _Known) -> str:
    back = " to take back what was done" if known.text("compensates") else ""
    again = f", attempt {known.count('attempt')}" if known.count("attempt") > 1 else ""
    return f"About to call {known.text('tool', 'a tool')}{back}{again}"


def _executed(known: _Known) -> str:
    return f"{_tool(known)} {_OUTCOMES.get(known.text('outcome'), 'was called')}{known.took}"


def _resumed(_: _Known) -> str:
    return "Went on from where the turn stood"


def _aborted(known: _Known) -> str:
    detail = known.text("detail")
    return f"Gave up: {known.text('error', 'error')}" + (f" ({detail})" if detail else "")


def _remembered(known: _Known) -> str:
    return f"Remembered {known.text('name', 'something')} for later"


def _forgotten(known: _Known) -> str:
    return f"Forgot {known.text('name', 'something')}"


def _switched(known: _Known) -> str:
    what = " ".join(filter(None, [known.text("kind", "something"), known.text("name")]))
    return f"{'Let go on' if known.count('lifted') else 'Stopped'}: {what}"


def _judged(known: _Known) -> str:
    return f"Feedback was given: {known.number('score', 'a score that can no longer be read')}"


def _failed(known: _Known) -> str:
    if known.text("error") == "cancelled":
        return "The asker left before the answer was whole"
    detail = known.text("detail")
    return f"Ended without an answer: {known.text('error', 'error')}" + (f" ({detail})" if detail else "")


def _sealed(known: _Known) -> str:
    return f"Sealed as record {known.seq:,} of the chain, under a signed checkpoint"


def _ingested(known: _Known) -> str:
    changes = {
        "added": "added",
        "changed": "changed",
        "deleted": "deleted",
        "acl_changed": "with new readers",
        "renewed": "passages indexed anew",
    }
    told = [f"{known.count(name):,} {words}" for name, words in changes.items() if known.count(name)]
    return f"Ingested documents: {', '.join(told) or 'no change'}"


def _deleted(known: _Known) -> str:
    return f"Deleted {known.counted('deleted', 'document')} by hand"


def _source_declared(known: _Known) -> str:
    return f"Declared {known.counted('declared', 'source')} of documents"


def _source_removed(known: _Known) -> str:
    return f"Removed a source, and {known.counted('deleted', 'document')} with it"


def _indexed(known: _Known) -> str:
    documents = known.counted("documents", "document")
    match known.text("action"):
        case "repaired":
            anew = ", and made the statistics anew" if known.count("statistics") else ""
            return f"Repaired the index: {documents} put right{anew}"
        case "snapshot":
            return " ".join(filter(None, ["Took the snapshot", known.text("name"), f"of an index of {documents}"]))
        case "rolled_back":
            to = f" to {known.text('snapshot')}" if known.text("snapshot") else ""
            return (
                f"Rolled the index back{to}: {known.count('restored'):,} restored, {known.count('removed'):,} taken out"
            )
        case "migrated":
            return f"Moved the index to {known.text('recipe', 'another embedder')}: {documents}"
    return f"Made the index anew: {documents}"


def _evaluated(known: _Known) -> str:
    return f"Asked {known.counted('questions', 'labelled question')} and measured the answers"


def _key_created(known: _Known) -> str:
    words = ["Made the API key", known.text("key"), *(("for", known.text("user")) if known.text("user") else ())]
    return " ".join(filter(None, words))


def _erased(known: _Known) -> str:
    return f"Erased a person: {known.counted('steps', 'step')} can never be read again"


_TELLERS: dict[StepKind, Callable[[_Known], str]] = {
    "admitted": _admitted,
    "retrieved": _retrieved,
    "generated": _generated,
    "called": _called,
    "verified": _verified,
    "responded": _responded,
    "checked": _checked,
    "refused": _refused,
    "decided": _decided,
    "asked": _asked,
    "approved": _approved,
    "rejected": _rejected,
    "expired": _expired,
    "intended": _intended,
    "executed": _executed,
    "resumed": _resumed,
    "aborted": _aborted,
    "remembered": _remembered,
    "forgotten": _forgotten,
    "switched": _switched,
    "judged": _judged,
    "failed": _failed,
    "sealed": _sealed,
    "ingested": _ingested,
    "deleted": _deleted,
    "source_declared": _source_declared,
    "source_removed": _source_removed,
    "evaluated": _evaluated,
    "indexed": _indexed,
    "key_created": _key_created,
    "erased": _erased,
}
