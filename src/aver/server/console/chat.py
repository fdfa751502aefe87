"""What the chat shows at an address: the conversation, and the source or the evidence open beside it. Blocking reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from aver.agents.acting import AgentConfig
from aver.agents.types import Answer, Citation, ConversationSummary, LookedAt, PastTurn, remarks
from aver.core.errors import AverError, NotFound
from aver.core.principal import Principal
from aver.gateway.feedback import Given, feedback_of
from aver.knowledge.types import Document, DocumentText
from aver.ops.feedback.desk import became_of
from aver.ops.feedback.types import Became
from aver.server.application import TenantServices
from aver.server.console.acting import Acting, acting
from aver.server.console.reading import Excerpt, excerpt
from aver.server.console.story import Story, story
from aver.server.ordering import ASSISTANT

__all__ = ["Chat", "chat"]

_SHELF = 24
"""Titles of documents that an empty chat shows."""
_AT_WORK = ("running", "waiting")
_AROUND = 1500
"""Characters shown before and after a cited span."""


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn to show. ``fallback``: a model was to answer and the extractive one had to. ``open`` is what of the turn is open
    beside the conversation: the number of a citation, ``near-N``, or ``evidence``."""

    past: PastTurn
    conversation: str
    fallback: bool
    open: str
    acting: Acting | None = None
    """What an agent did, where it is an agent's turn."""
    said: Given | None = None
    """What its asker said of it."""
    became: Became | None = None
    """What somebody decided of it."""

    @property
    def id(self) -> str:
        return self.past.turn

    @property
    def answer(self) -> Answer | None:
        return self.past.answer

    @property
    def ended(self) -> bool:
        """Whether there is something to say of it."""
        return self.answer is not None or (self.acting is not None and self.acting.outcome.status not in _AT_WORK)

    @property
    def supported(self) -> int:
        return sum(sentence.supported for sentence in self.answer.sentences) if self.answer else 0

    @property
    def remarks(self) -> tuple[str, ...]:
        return remarks(self.answer) if self.answer else ()

    @property
    def abstention(self) -> tuple[str, str]:
        """What the answer says in place of one: its first sentence, and the rest."""
        first, end, rest = (self.answer.answer if self.answer else "").partition(". ")
        return (first + "." if end else first), rest

    def link(self, opened: object = "") -> str:
        """The address of this turn with ``opened`` beside it; a source is scrolled to its cited words without scripts too."""
        query = {"conversation": self.conversation, "turn": self.id}
        if not opened:
            return f"/?{urlencode(query)}"
        return f"/?{urlencode({**query, 'open': str(opened)})}" + ("" if opened == "evidence" else "#cited")


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source open beside the answer. ``document`` is ``None`` when it cannot be read any more."""

    number: int | None
    title: str
    section: str
    document: DocumentText | None
    current: int
    excerpt: Excerpt | None
    link: str
    back: str


@dataclass(frozen=True, slots=True)
class Chat:
    """Everything on the page. ``problem`` and ``draft`` are of a question that was not answered."""

    place: str
    principal: Principal
    conversations: Sequence[ConversationSummary]
    conversation: str
    turns: tuple[TurnView, ...]
    documents: Sequence[Document]
    document_count: int
    source: SourceView | None
    story: Story | None
    problem: AverError | None
    draft: str
    agents: Sequence[AgentConfig]
    feature: str
    """Who is asked: the assistant, or an agent by name."""
    survey: bool = False
    """Whether whoever begins is asked, once a month, how useful it all is."""

    @property
    def title(self) -> str:
        return self.turns[0].past.question[:80] if self.turns else ""


def chat(
    services: TenantServices,
    principal: Principal,
    *,
    conversation: str = "",
    turn: str = "",
    opened: str = "",
    problem: AverError | None = None,
    draft: str = "",
    agents: Sequence[AgentConfig] = (),
    feature: str = "",
) -> Chat:
    """The chat at an address. :class:`~aver.core.errors.NotFound` for a conversation, turn or source that is not there."""
    turns = _turns(services, principal, conversation, turn, opened) if conversation else ()
    open_turn = next((each for each in turns if each.open), None)
    if opened and open_turn is None:
        raise NotFound("There is no such turn in this conversation", "Open it from the conversation.")
    documents = services.knowledge.documents(principal) if not turns else []
    return Chat(
        place=services.store.tenant.name,
        principal=principal,
        conversations=services.assistant.conversations(principal),
        conversation=conversation,
        turns=turns,
        documents=documents[:_SHELF],
        document_count=len(documents),
        source=_source(services, principal, open_turn) if open_turn and opened != "evidence" else None,
        story=_story(services, principal, open_turn) if open_turn and opened == "evidence" else None,
        problem=problem,
        draft=draft,
        agents=agents,
        feature=feature or _feature(turns),
        survey=not turns and services.survey.asks(principal.user),
    )


def _turns(
    services: TenantServices, principal: Principal, conversation: str, turn: str, opened: str
) -> tuple[TurnView, ...]:
    found = services.assistant.conversation(principal, conversation).turns
    steps = services.ledger.turns(past.turn for past in found)
    fell_back = {each for each, told in steps.items() if any(step.facts.get("fallback_from") for step in told)}
    return tuple(
        TurnView(
            past,
            conversation,
            past.turn in fell_back and past.answer is not None and past.answer.mode == "extractive",
            opened if past.turn == turn else "",
            acting(services, principal, past.turn) if past.answer is None else None,
            feedback_of(steps.get(past.turn, ())),
            became_of(steps.get(past.turn, ())),
        )
        for past in found
    )


def _feature(turns: Sequence[TurnView]) -> str:
    """Who was asked last."""
    last = turns[-1].acting if turns else None
    return last.agent if last else ASSISTANT


def _source(services: TenantServices, principal: Principal, turn: TurnView) -> SourceView:
    place, number = _opened(turn)
    section = place.section if isinstance(place, LookedAt) else ""
    try:
        document = services.knowledge.document(principal, place.document, place.version)
        current = services.knowledge.document(principal, place.document).version
        services.read_by(principal, "document", "console", [(place.document, place.version)])
    except NotFound:
        return SourceView(number, "No longer available", "", None, 0, None, "", turn.link())
    return SourceView(
        number=number,
        title=document.title,
        section="" if section == document.title else section,
        document=document,
        current=current,
        excerpt=excerpt(document.text, place.start, place.end, around=_AROUND),
        link=f"/documents/{document.document}?"
        + urlencode({"version": document.version, "start": place.start, "end": place.end}),
        back=turn.link(),
    )


def _opened(turn: TurnView) -> tuple[Citation | LookedAt, int | None]:
    """The place that is open: a citation with its number, or a passage looked at."""
    near, digits = turn.open.startswith("near-"), turn.open.removeprefix("near-")
    if turn.answer and digits.isascii() and digits.isdigit() and len(digits) < 6:
        places: Sequence[Citation | LookedAt] = turn.answer.looked_at if near else turn.answer.citations
        if 1 <= int(digits) <= len(places):
            return places[int(digits) - 1], None if near else int(digits)
    raise NotFound("This turn has no such source", "Open one of its citations.")


def _story(services: TenantServices, principal: Principal, turn: TurnView) -> Story:
    return story(services.evidence(principal, turn.id), question=turn.past.question, back=turn.link())
