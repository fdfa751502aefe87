"""Evidence told in plain sentences: one for each step, from its facts and, while it can be read, its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from aver.evidence.types import Draft, Step, StepKind
from aver.server.known import Known
from aver.server.story_acting import ACTING, left_behind
from aver.server.story_governance import GOVERNANCE
from aver.server.story_identity import IDENTITY

__all__ = ["Moment", "sentence", "tell"]


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened at a time."""

    at: datetime
    sentence: str


def tell(steps: Sequence[Step]) -> Iterator[Moment]:
    """One moment for each step, in order."""
    for step in steps:
        erased = " (its content was erased)" if step.erased else ""
        yield Moment(step.at, sentence(step) + erased)


def sentence(step: Step | Draft) -> str:
    """What a step says, also one that is only about to be recorded."""
    return _TELLERS[step.kind](Known(step))


def _admitted(known: Known) -> str:
    who, question, release = known.text("user", "Someone"), known.text("question"), known.text("release")
    asked = f"{who} asked: {question}" if question else f"{who} asked a question"
    arm, missing = known.text("arm"), known.text("instead_of")
    under = [f"release {release[:8]}"] if release else []
    under += [f"{arm} of a rollout"] if arm else []
    under += [f"in place of {missing[:8]}, which cannot be opened"] if missing else []
    under += ["unseen, to compare"] if known.text("shadow_of") else []
    under += ["generated, for a demonstration"] if known.text("generated") else []
    under += [f"flags {', '.join(flags)}"] if (flags := _flags(known)) else []
    return f"{asked} ({', '.join(under)})" if under else asked


def _flags(known: Known) -> list[str]:
    """Of each flag that decided the variant, as far as the step names them."""
    given = [each.replace("/", ": ", 1) for each in known.texts("flags")]
    more = known.count("flags_left_out")
    return [*given, f"{more} more"] if more else given


def _retrieved(known: Known) -> str:
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


def _generated(known: Known) -> str:
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


def _called(known: Known) -> str:
    asked, model = known.text("asked", "A model"), known.text("model")
    if known.text("error"):
        return f"{asked} was called and failed: {known.text('error')}{known.took}{known.labelled}"
    if known.text("cache") == "coalesced":
        return f"{asked} was answered by one call for several who asked the same at once{known.took}"
    if known.text("cache") in ("exact", "semantic"):
        return f"{asked} was answered from the cache{known.took}"
    tried = f" after {known.count('attempts') - 1} that failed" if known.count("attempts") > 1 else ""
    tokens = f"{known.counted('input_tokens', 'token')} read, {known.count('output_tokens'):,} written"
    cost = f", {known.count('nano_usd') / 1e9:.6f} US dollars"
    return f"{model or asked} answered{tried}: {tokens}{cost}{known.took}{known.labelled}"


def _verified(known: Known) -> str:
    if not known.count("sentences"):
        return "There was no sentence to check"
    supported = known.count("supported")
    rest = known.count("sentences") - supported
    unsupported = f", {rest:,} not" if rest else ""
    return f"Checked {known.counted('sentences', 'sentence')}: {supported:,} supported by the sources{unsupported}{known.took}"


def _responded(known: Known) -> str:
    if known.count("characters"):
        return f"Gave the answer{known.took}"
    if known.count("abstained"):
        return f"Gave no answer, because nothing found supports one{known.took}"
    given = f"{known.counted('sentences', 'sentence')}, {known.counted('citations', 'citation')}"
    return f"Gave the answer: {given}{known.took}"


def _inspected(known: Known) -> str:
    why = f": {known.text('why')}" if known.text("why") else ""
    return f"{known.text('by', 'Somebody')} looked at what the turn {known.text('turn')} says{why}"


def _judged(known: Known) -> str:
    if known.count("taken_back"):
        return "Feedback was taken back"
    told = f"Feedback was given: {known.number('score', 'a score that can no longer be read')}"
    reason = f", because: {known.text('reason')}" if known.text("reason") else ""
    return told + reason + (f" ({known.text('comment')})" if known.text("comment") else "")


def _reported(known: Known) -> str:
    about = known.text("subject")
    return f"A support ticket names the turn{f': {about}' if about else ''}"


def _triaged(known: Known) -> str:
    who, made = known.text("by", "Somebody"), known.text("of")
    became = {
        "case": f"made a case of it, {made}",
        "seed": f"made a seed for the red team of it, {made}",
        "incident": f"reported it as an incident, {made}",
        "document": f"named a document to be mended, {made}",
        "dismissed": f"looked at it and left it as it is: {made}",
    }
    told = f"{who} {became.get(known.text('act'), 'decided what becomes of the turn').rstrip(', :')}"
    return f"{told} ({known.text('note')})" if known.text("note") else told


def _surveyed(known: Known) -> str:
    said = f": {known.text('text')}" if known.text("text") else ""
    return f"The survey was answered: {known.number('score', 'points that can no longer be read')} of 5 points{said}"


def _case_promoted(known: Known) -> str:
    return " ".join(filter(None, ["Made a case to be labelled of the turn", known.text("turn")]))


def _case_labelled(known: Known) -> str:
    who = known.text("labeller", "Somebody")
    return f"{who} {'decided' if known.count('settles') else 'said'} what is right for the case"


def _failed(known: Known) -> str:
    if known.text("error") == "cancelled":
        return f"The asker left before the answer was whole{left_behind(known)}"
    detail = known.text("detail")
    said = f"Ended without an answer: {known.text('error', 'error')}" + (f" ({detail})" if detail else "")
    return said + left_behind(known)


def _sealed(known: Known) -> str:
    return f"Sealed as record {known.seq:,} of the chain, under a signed checkpoint"


def _ingested(known: Known) -> str:
    changes = {
        "added": "added",
        "changed": "changed",
        "deleted": "deleted",
        "acl_changed": "with new readers",
        "renewed": "passages indexed anew",
    }
    told = [f"{known.count(name):,} {words}" for name, words in changes.items() if known.count(name)]
    return f"Ingested documents: {', '.join(told) or 'no change'}"


def _deleted(known: Known) -> str:
    return f"Deleted {known.counted('deleted', 'document')} by hand"


def _source_declared(known: Known) -> str:
    return f"Declared {known.counted('declared', 'source')} of documents"


def _source_removed(known: Known) -> str:
    return f"Removed a source, and {known.counted('deleted', 'document')} with it"


def _indexed(known: Known) -> str:
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


def _evaluated(known: Known) -> str:
    return f"Asked {known.counted('questions', 'labelled question')} and measured the answers"


def _the_release(known: Known, default: str = "a release") -> str:
    digest = known.text("release")
    return f"the release {digest[:12]}" if digest else default


def _release_created(known: Known) -> str:
    return f"Created {_the_release(known)}"


def _release_signed_off(known: Known) -> str:
    role = f" as {known.text('role')}" if known.text("role") else ""
    return f"Signed {_the_release(known)} off{role}"


def _release_sign_off_withdrawn(known: Known) -> str:
    role = f" as {known.text('role')}" if known.text("role") else ""
    return f"Withdrew the sign-off{role} of {_the_release(known)}"


def _release_promoted(known: Known) -> str:
    without = f", without {known.counted('lacked', 'condition')}" if known.count("lacked") else ""
    return (
        f"Promoted {_the_release(known)} to {known.text('environment', 'an environment')}{without}{_overtaken(known)}"
    )


def _release_rolled_back(known: Known) -> str:
    back = f"Rolled {known.text('environment', 'an environment')} back to {_the_release(known, 'no release')}"
    return back + _overtaken(known)


def _overtaken(known: Known) -> str:
    return f", which ended {known.text('rollout')}" if known.text("rollout") else ""


def _gated(known: Known) -> str:
    became = {"pass": "passes", "fail": "fails"}.get(known.text("outcome"), "is inconclusive")
    return f"The gate {became}: {known.counted('conditions', 'condition')} judged"


def _staged(known: Known) -> str:
    what, event = known.text("kind", "rollout").capitalize(), known.text("event", "changed").replace("_", " ")
    return f"{what} {event}: {known.text('reason')}" if known.text("reason") else f"{what} {event}"


def _shadowed(known: Known) -> str:
    return f"{known.text('variant', 'Another release')} answered too, seen by nobody"


def _erased(known: Known) -> str:
    return f"Erased a person: {known.counted('steps', 'step')} can never be read again"


def _anchored(known: Known) -> str:
    place = known.text("place", "a place outside")
    done = "Anchored" if known.text("outcome") != "failed" else "Could not anchor"
    return f"{done} the chain of {known.counted('seq', 'step')} outside: {place}"


def _packed(known: Known) -> str:
    who = known.text("by")
    what = f"evidence of the steps {known.count('first'):,} to {known.count('last'):,}"
    return f"{who} put together a pack of {what}" if who else f"Put together a pack of {what}"


def _alerted(known: Known) -> str:
    what, event = known.text("said") or known.text("title"), known.text("event", "changed")
    return f"Alert {event}: {what}" if what else f"Alert {event}"


def _mitigated(known: Known) -> str:
    text, said = known.text("text", known.text("action", "an action")), known.text("said")
    who = f"Of itself, by {known.text('rule')}" if known.count("automatic") else known.text("by", "Somebody")
    words = {
        "begun": f"{who} begins: {text}",
        "held": f"{text} was not done of itself: {said}",
        "refused": f"{who} may not: {text}",
        "failed": f"{text} could not be done",
        "undone": f"{who} took back: {text}",
    }
    told = words.get(known.text("event"), f"{who} did: {text}")
    return f"{told} ({said})" if said and known.text("event") != "held" else told


def _corrected(known: Known) -> str:
    words = {"accepted": "was taken on", "done": "is done", "dropped": "will not be done"}
    told = f"What is to follow from an incident {words.get(known.text('event'), 'was changed')}"
    said = known.text("text") or known.text("reason")
    return f"{told}: {said}" if said else told


def _incident(known: Known) -> str:
    what, event = known.text("title") or known.text("text"), known.text("event", "changed")
    return f"Incident {event}: {what}" if what else f"Incident {event}"


def _drilled(known: Known) -> str:
    seen = f"seen after {known.number('mttd_s', 'no time that is known')} s" if known.count("samples") else "not seen"
    where = "in place" if known.count("in_place") else "on a copy"
    return f"Drilled {known.text('drill', 'something')} {where}: {'passed' if known.count('passed') else 'not passed'}, {seen}"


_TELLERS: dict[StepKind, Callable[[Known], str]] = {
    "admitted": _admitted,
    "retrieved": _retrieved,
    "generated": _generated,
    "called": _called,
    "verified": _verified,
    "responded": _responded,
    **ACTING,
    "inspected": _inspected,
    "judged": _judged,
    "reported": _reported,
    "triaged": _triaged,
    "surveyed": _surveyed,
    "case_promoted": _case_promoted,
    "case_labelled": _case_labelled,
    "failed": _failed,
    "sealed": _sealed,
    "ingested": _ingested,
    "deleted": _deleted,
    "source_declared": _source_declared,
    "source_removed": _source_removed,
    "evaluated": _evaluated,
    "gated": _gated,
    "staged": _staged,
    "shadowed": _shadowed,
    "indexed": _indexed,
    "alerted": _alerted,
    "incident": _incident,
    "mitigated": _mitigated,
    "corrected": _corrected,
    "drilled": _drilled,
    "release_created": _release_created,
    "release_signed_off": _release_signed_off,
    "release_sign_off_withdrawn": _release_sign_off_withdrawn,
    "release_promoted": _release_promoted,
    "release_rolled_back": _release_rolled_back,
    **IDENTITY,
    **GOVERNANCE,
    "erased": _erased,
    "anchored": _anchored,
    "packed": _packed,
}
