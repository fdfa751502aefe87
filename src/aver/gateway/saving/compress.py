"""A shorter prompt: the sentences of its context that have least to do with the question are left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from aver.core.sentences import sentences
from aver.gateway.adapters.question_words import Stems
from aver.gateway.types import ChatRequest, Embedder, Message, Part, Passage, Text

__all__ = ["Saved", "compress"]

_SHORTEST_CONTEXT = 400
"""Characters of a text below which it is taken for an instruction and left whole."""
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_CODE_LINE = re.compile(r"^(?: {4}|\t)|[{};]\s*$|^\s*(?:def|class|import|from|return|SELECT|#include)\b")
_QUOTE_MARK = re.compile(r"[\"\u201c\u201d\u00ab\u00bb]")
_DIGIT = re.compile(r"\d")
_LEXICAL = 0.5
"""How much of a sentence's relevance is the share of the question's words it holds; the rest is the vectors' cosine."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was left out. ``kept`` and ``of`` count characters of context; nothing else was touched."""

    sentences: int
    kept: int
    of: int

    @property
    def share(self) -> float:
        """Of the context, what was left out."""
        return 1 - self.kept / self.of if self.of else 0.0


class _Sentence(NamedTuple):
    context: int
    start: int
    end: int
    text: str
    protected: bool


def compress(chat: ChatRequest, share: float, embedder: Embedder) -> tuple[ChatRequest, Saved]:
    """``chat`` without up to ``share`` (0 to 1) of the characters of its context, and what that saved. Blocking.

    Context is the passages, and in the last message the long texts before the question; where the question stands in the same text
    as its context, whole paragraphs other than the question's and the first, which says what to do. The system prompt, earlier
    turns, tools, the question, code and quotations are never touched, nor a sentence with figures and a word of the question. What is
    kept keeps its order and its wording.
    """
    question = _question(chat)
    contexts = _contexts(chat, question)
    total = sum(len(text) for text in contexts)
    if not question or not contexts or share <= 0:
        return chat, Saved(0, total, total)
    stems = Stems()
    asked = stems(question)
    found = [each for number, text in enumerate(contexts) for each in _sentences(number, text, asked, stems)]
    dropped = _least_relevant(found, question, asked, stems, embedder, share * total)
    if not dropped:
        return chat, Saved(0, total, total)
    shorter = {text: _without(text, [each for each in dropped if each.context == n]) for n, text in enumerate(contexts)}
    kept = sum(len(shorter[text]) for text in contexts)
    return _replaced(chat, shorter), Saved(len(dropped), kept, total)


def _question(chat: ChatRequest) -> str:
    if chat.question or not chat.messages or chat.messages[-1].role != "user":
        return chat.question
    texts = [part.text for part in chat.messages[-1].parts if isinstance(part, Text)]
    return texts[-1].rstrip().rpartition("\n\n")[2].strip() if texts else ""


def _contexts(chat: ChatRequest, question: str) -> list[str]:
    """The texts that may be shortened, each once."""
    found = [passage.text for passage in chat.passages]
    if chat.messages and chat.messages[-1].role == "user":
        texts = [part.text for part in chat.messages[-1].parts if isinstance(part, Text)]
        found += texts[:-1]
        # The first paragraph says what to do with the others.
        found += [text for last in texts[-1:] for text in last.split("\n\n")[1:] if question not in text]
    return list(dict.fromkeys(text for text in found if len(text) >= _SHORTEST_CONTEXT))


def _sentences(number: int, text: str, asked: frozenset[str], stems: Stems) -> list[_Sentence]:
    fenced = _fenced(text)
    found = []
    for start, end in sentences(text):
        sentence = text[start:end]
        before = text[text.rfind("\n", 0, start) + 1 : start]
        protected = (
            any(begin <= start < stop for begin, stop in fenced)
            or _CODE_LINE.search(before + sentence) is not None
            or (before + sentence).lstrip().startswith(">")
            or _QUOTE_MARK.search(sentence) is not None
            or len(_QUOTE_MARK.findall(before)) % 2 == 1
            or (_DIGIT.search(sentence) is not None and not asked.isdisjoint(stems(sentence)))
        )
        found.append(_Sentence(number, start, end, sentence, protected))
    return found


def _fenced(text: str) -> list[tuple[int, int]]:
    """The spans of fenced code; a fence that is never closed reaches to the end."""
    spans: list[tuple[int, int]] = []
    begin, place = -1, 0
    for line in text.splitlines(keepends=True):
        if _FENCE.match(line):
            if begin < 0:
                begin = place
            else:
                spans.append((begin, place + len(line)))
                begin = -1
        place += len(line)
    return [*spans, (begin, len(text))] if begin >= 0 else spans


def _least_relevant(
    found: list[_Sentence], question: str, asked: frozenset[str], stems: Stems, embedder: Embedder, budget: float
) -> list[_Sentence]:
    free = [each for each in found if not each.protected]
    if not free:
        return []
    vectors = embedder.embed([question, *(each.text for each in free)])
    near = vectors[1:] @ vectors[0]
    shared = [len(asked & stems(each.text)) / (len(asked) or 1) for each in free]
    relevance = (1 - _LEXICAL) * near + _LEXICAL * np.array(shared, np.float32)
    dropped: list[_Sentence] = []
    for place in np.argsort(relevance, kind="stable"):
        budget -= free[place].end - free[place].start
        if budget < 0:  # what follows is more relevant, however short
            break
        dropped.append(free[place])
    return dropped


def _without(text: str, dropped: list[_Sentence]) -> str:
    pieces, place = [], 0
    for each in sorted(dropped, key=lambda sentence: sentence.start):
        pieces.append(text[place : each.start])
        place = each.end
        while place < len(text) and text[place] == " ":
            place += 1
    return "".join([*pieces, text[place:]])


def _replaced(chat: ChatRequest, shorter: dict[str, str]) -> ChatRequest:
    passages = tuple(Passage(each.number, each.title, shorter.get(each.text, each.text)) for each in chat.passages)
    last = chat.messages[-1] if chat.messages else None
    if last is None or last.role != "user":
        return replace(chat, passages=passages)
    # In Aver's own prompts the passages stand in the message, too.
    parts: tuple[Part, ...] = tuple(
        replace(part, text=_shortened(part.text, shorter)) if isinstance(part, Text) else part for part in last.parts
    )
    content = parts[0].text if isinstance(last.content, str) and isinstance(parts[0], Text) else parts
    return replace(chat, passages=passages, messages=(*chat.messages[:-1], Message(last.role, content)))


def _shortened(text: str, shorter: dict[str, str]) -> str:
    for whole, less in shorter.items():
        text = text.replace(whole, less)
    return text
