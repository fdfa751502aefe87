"""Going on where a reply broke off, neither repeating nor losing a letter.

Three ways to ask for the rest of a reply of which ``shown`` is known to the caller:

``prefill``
    The conversation ends with what was shown, as a message of the assistant's. Families that go on from there write what follows. One
    that begins anew repeats the whole; the repetition is taken off.
``instruct``
    A message of the user's asks to begin by repeating the last words that were shown. What follows them is the rest; a reply that does
    not repeat them may be about anything and is not shown.
``again``
    Of the first few letters nothing can be told: the question is asked again, and the reply has to begin with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from aver.core.errors import StreamTruncated
from aver.gateway.calling.deployment import Deployment
from aver.gateway.types import ChatDelta, ChatRequest, Message

__all__ = ["Diverged", "Seam", "Way", "anchor", "asked_to_go_on", "ways"]

Way = Literal["prefill", "instruct", "again"]
_PREFILLED = frozenset({"anthropic", "bedrock", "gemini", "vertex"})
_NOT_OPENAI = "api.openai.com"
_LEAST = 8
"""Letters, below which what was shown could begin any reply."""
_ANCHOR = 24
"""Letters that are repeated at least, where there are as many: enough that they stand in the text once."""
_GO_ON = (
    "Your last message was cut off. Go on with it: begin by repeating exactly its last words, which are\n{anchor}\n"
    "and then write what follows them. Repeat nothing else, and say nothing about having been cut off."
)


class Diverged(StreamTruncated):
    """Whoever was to go on wrote something else."""

    slug = "diverged"

    def __init__(self) -> None:
        super().__init__("Another model did not go on where the answer broke off", "Ask again.")


def ways(deployment: Deployment, shown: str) -> tuple[Way, ...]:
    """How a deployment may be asked to go on, the best first. OpenAI's own models answer a last message of their own with a new one;
    most other servers of that protocol go on from it. The provider's option ``prefill`` (``yes``, ``no``) says what is so."""
    if len(shown.strip()) < _LEAST:
        return ("again",)
    provider = deployment.provider
    prefills = deployment.prefills
    if prefills is None:
        said = provider.options.get("prefill")
        able = provider.kind in _PREFILLED or (provider.kind == "openai" and _NOT_OPENAI not in provider.base_url)
        prefills = able if said is None else said == "yes"
    return ("prefill", "instruct") if prefills else ("instruct",)


def anchor(core: str) -> str:
    """The last words of ``core``, enough of them that they are in it once; all of it when no fewer are."""
    length = _ANCHOR
    while length < len(core):
        start = len(core) - length
        if not core[start - 1].isspace():
            space = max(core.rfind(" ", 0, start), core.rfind("\n", 0, start))
            if start - space <= _ANCHOR:
                start = space + 1
        if core.find(core[start:]) == start and not core[start].isspace():
            return core[start:]
        length += _ANCHOR
    return core


def asked_to_go_on(chat: ChatRequest, shown: str, way: Way) -> ChatRequest:
    """The conversation so put that the reply goes on from ``shown``, with what is left of the bound on the output."""
    if way == "again":
        return chat
    core = shown.rstrip()
    messages = (*chat.messages, Message("assistant", core))
    if way == "instruct":
        messages = (*messages, Message("user", _GO_ON.format(anchor=anchor(core))))
    most = chat.max_tokens
    if most is not None:
        most = max(1, most - len(core) // 4) + (len(anchor(core)) if way == "instruct" else 0)
    return replace(chat, messages=messages, max_tokens=most)


class Seam:
    """Joins a second reply to what was shown. Text is held back until it is certain where it begins; thoughts are left out, since the
    text has begun. Pure."""

    __slots__ = ("_core", "_gap", "_held", "_least", "_way", "closed", "cut")

    def __init__(self, shown: str, way: Way) -> None:
        self._core = shown.rstrip()
        self._gap = shown[len(self._core) :]
        self._way = way
        self._held = ""
        self._least = len(anchor(self._core)) if way != "again" else len(self._core)
        self.closed = False
        """It is certain; from here on everything is shown as it comes."""
        self.cut = 0
        """Characters of the second reply that were not shown, having been shown before."""

    def feed(self, deltas: Iterable[ChatDelta]) -> list[ChatDelta]:
        """What may be shown of ``deltas`` now. Raises :class:`Diverged`."""
        shown: list[ChatDelta] = []
        for delta in deltas:
            delta.reasoning = None
            if not self.closed:
                self._held += delta.text
                begins = self._begins(ended=delta.finish is not None)
                delta.text = ""
                if begins is not None:
                    self.closed, self.cut = True, begins
                    delta.text = self._held[begins:]
            if delta.text or delta.finish or delta.usage or delta.tool or delta.id:
                shown.append(delta)
        return shown

    def _begins(self, *, ended: bool) -> int | None:
        """How many characters of what is held repeat what was shown; ``None`` while that is uncertain."""
        held, core = self._held, self._core
        if not core:
            return self._after_gap(0, ended=ended)
        lead = 0 if self._way == "prefill" else len(held) - len(held.lstrip())
        text = held[lead:]
        if not text and not ended:
            return None
        undecided = False
        place = core.find(text[: self._least]) if text else -1
        while 0 <= place <= len(core) - self._least and (self._way != "again" or place == 0):
            overlap = len(core) - place
            if text.startswith(core[place:]):
                return self._after_gap(lead + overlap, ended=ended)
            undecided = undecided or core.startswith(text, place)
            place = core.find(text[: self._least], place + 1)
        if undecided and not ended:
            return None
        if ended and text and core.startswith(text):
            raise Diverged  # it begins anew, and says less
        return self._direct(ended=ended)

    def _direct(self, *, ended: bool) -> int | None:
        """Nothing is repeated."""
        held = self._held
        if self._way == "prefill":
            if not held.strip():
                if not ended:
                    return None
                if _is_unfinished(self._core):
                    raise Diverged
            elif _opens_anew(self._core, self._gap, held):
                raise Diverged
            return self._after_gap(0, ended=ended)
        # A new message never begins with a space: this one is a part of one.
        if self._way == "instruct" and not self._gap and held[:1].isspace() and held.strip():
            return 0
        raise Diverged

    def _after_gap(self, start: int, *, ended: bool) -> int | None:
        """Past the space that was shown at the end already."""
        if not self._gap:
            return start
        for index, letter in enumerate(self._gap):
            if start + index >= len(self._held):
                return None if not ended else len(self._held)
            if self._held[start + index] != letter:
                return start + index
        return start + len(self._gap)


def _is_unfinished(core: str) -> bool:
    """Whether nobody would end here."""
    return core[-1].isalnum() or core[-1] in ",;(-"


def _opens_anew(core: str, gap: str, held: str) -> bool:
    """Whether a capital stands right after a small letter or a comma: the beginning of a message, not the rest of one."""
    return not gap and (core[-1].islower() or core[-1] == ",") and held[0].isupper()
