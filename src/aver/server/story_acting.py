"""The steps of agents that act, told in plain sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aver.evidence.types import StepKind
from aver.server.known import Known

__all__ = ["ACTING", "left_behind"]

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


def _tool(known: Known) -> str:
    return known.text("tool", "A tool")


def _checked(known: Known) -> str:
    nothing = "nothing held back" if known.texts("kinds") else "nothing found"
    outcomes = {"pass": nothing, "flag": "flagged", "redact": "parts cut out", "block": "held back"}
    place = _PLACES.get(known.text("place"), "a text")
    said = f"Checked {place}: {outcomes.get(known.text('outcome'), 'done')}"
    left_out = known.count("blocked") if known.text("place") == "passage" else 0
    if left_out:
        said = f"Checked {place}: {left_out:,} of {known.counted('texts', 'text')} left out"
    if kinds := known.texts("kinds"):
        said += f" ({', '.join(kinds)})"
    late = [name for name, why in zip(known.texts("checks"), known.items("failures"), strict=False) if why]
    return said + (f"; {', '.join(late)} could not judge" if late else "")


def _refused(known: Known) -> str:
    why = _REFUSALS.get(known.text("cause"), known.text("cause"))
    return f"A call of {known.text('tool', 'a tool')} went no further" + (f": {why}" if why else "")


def _decided(known: Known) -> str:
    words = {"allow": "allows", "deny": "denies", "ask": "asks a person about"}
    reason = known.text("reason")
    again = " still" if known.count("again") and known.text("outcome") != "deny" else ""
    said = f"Policy{again} {words.get(known.text('outcome'), 'decided about')} a call of {known.text('tool', 'a tool')}"
    return said + (f": {reason}" if reason else "") + known.labelled


def _asked(known: Known) -> str:
    whom = f"somebody with the role {known.text('role')}" if known.text("role") else "the asker"
    return f"Asked {whom} to approve a call of {known.text('tool', 'a tool')}"


def _approved(known: Known) -> str:
    scope = ", and the like in this conversation" if known.text("scope") == "conversation" else ""
    return f"{known.text('by', 'Someone')} approved the call{scope}"


def _rejected(known: Known) -> str:
    return f"{known.text('by', 'Someone')} rejected the call" + (", for ever" if known.count("never") else "")


def _expired(_: Known) -> str:
    return "Nobody approved the call in time"


def _intended(known: Known) -> str:
    back = " to take back what was done" if known.text("compensates") else ""
    again = f", attempt {known.count('attempt')}" if known.count("attempt") > 1 else ""
    return f"About to call {known.text('tool', 'a tool')}{back}{again}"


def _executed(known: Known) -> str:
    return f"{_tool(known)} {_OUTCOMES.get(known.text('outcome'), 'was called')}{known.took}{known.labelled}"


def _resumed(_: Known) -> str:
    return "Went on from where the turn stood"


def _aborted(known: Known) -> str:
    detail = known.text("detail")
    return f"Gave up: {known.text('error', 'error')}" + (f" ({detail})" if detail else "")


def _remembered(known: Known) -> str:
    return f"Remembered {known.text('name', 'something')} for later{known.labelled}"


def _forgotten(known: Known) -> str:
    return f"Forgot {known.text('name', 'something')}"


def _switched(known: Known) -> str:
    what = " ".join(filter(None, [known.text("kind", "something"), known.text("name")]))
    who, reason = known.text("by"), known.text("reason")
    done = f"{who} let go on" if who else "Let go on"
    if known.count("lifted"):
        return f"{done}: {what}"
    return f"{f'{who} stopped' if who else 'Stopped'}: {what}" + (f" ({reason})" if reason else "")


def left_behind(known: Known) -> str:
    """What a turn that ended without an answer had done, for the end of the sentence that says so."""
    words = {"done": "done", "undone": "taken back", "undecided": "undecided"}
    told = [f"{known.count(name):,} {word}" for name, word in words.items() if known.count(name)]
    return f"; of what it did: {', '.join(told)}" if told else ""


ACTING: Mapping[StepKind, Callable[[Known], str]] = {
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
}
