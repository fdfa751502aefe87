"""Declared endpoints as checks.

``moderation``: ``POST /moderations`` (https://platform.openai.com/docs/api-reference/moderations). ``llama_guard``: a chat completion whose text
is ``safe``, or ``unsafe`` and the categories (https://www.llama.com/docs/model-cards-and-prompt-formats/llama-guard-4/). ``classifier``: a
sequence classifier such as PromptGuard behind ``POST /classify`` as vLLM serves it, or behind text-embeddings-inference's ``POST /predict``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aver.core.errors import RequestRejected
from aver.gateway.credentials.types import SecretSource
from aver.gateway.transport import Poster
from aver.guard.adapters.asking import Server, unclear
from aver.guard.adapters.services import GuardrailsServer, NemoServer, PresidioServer
from aver.guard.declared import Endpoint
from aver.guard.types import Check, Place, Verdict
from aver.guard.windows import windows

__all__ = ["Classifier", "LlamaGuard", "Moderation", "open_endpoints"]

_CATEGORY = re.compile(r"[A-Za-z]{1,3}\d{1,3}|[A-Za-z][\w /-]{2,40}")
_HARMLESS = frozenset({"benign", "safe", "label_0", "legitimate", "negative", "ok", "clean"})
"""What classifiers call a text in which nothing is wrong."""
_WINDOW, _MARGIN = 1_600, 200
"""Characters that a classifier of 512 word pieces reads at once: what is longer would be cut off unread."""
_MOST_WINDOWS = 64


class Moderation:
    """OpenAI's moderations, and what speaks their protocol. ``least`` counts where scores are given, else the server's own ``flagged``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = server.endpoint.name

    async def check(self, text: str, place: Place) -> Verdict:  # noqa: ARG002 - a server is not told
        body: dict[str, Any] = {"input": self._server.readable(text)}
        if self._server.endpoint.model:
            body["model"] = self._server.endpoint.model
        answer = await self._server.ask("/moderations", body)
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or not results or not all(isinstance(each, dict) for each in results):
            raise unclear(self._server.endpoint)
        named = {name for each in results for name in _flagged(each, self._server.endpoint.least)}
        flagged = named or any(each.get("flagged") is True for each in results)
        return _verdict(self.name, flagged=bool(flagged), named=named)


class LlamaGuard:
    """A model of Llama Guard's kind behind ``/chat/completions``. The text is the user's message, or the assistant's where it is an answer."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = server.endpoint.name

    async def check(self, text: str, place: Place) -> Verdict:
        asked = [{"role": "user", "content": self._server.readable(text)}]
        if place == "output":
            asked = [{"role": "user", "content": "."}, {"role": "assistant", "content": self._server.readable(text)}]
        body = {"model": self._server.endpoint.model, "messages": asked, "temperature": 0, "max_tokens": 64}
        answer = await self._server.ask("/chat/completions", body)
        try:
            said = answer["choices"][0]["message"]["content"].strip()
        except (KeyError, IndexError, TypeError, AttributeError):
            raise unclear(self._server.endpoint) from None
        first, _, rest = said.partition("\n")
        if first.strip().lower() == "safe":
            return _verdict(self.name, flagged=False, named=())
        if first.strip().lower() != "unsafe":
            raise unclear(self._server.endpoint)
        return _verdict(self.name, flagged=True, named=_CATEGORY.findall(rest)[:10])


class Classifier:
    """A sequence classifier. Long texts are read in windows, since such a model reads 512 pieces and says nothing of the rest."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = server.endpoint.name

    async def check(self, text: str, place: Place) -> Verdict:  # noqa: ARG002
        parts = [text[start:end] for start, _, _, end in windows(len(text), _WINDOW, _MARGIN)]
        if len(parts) > _MOST_WINDOWS:
            raise RequestRejected(
                f"The text takes {len(parts)} readings of the classifier, and at most {_MOST_WINDOWS} are made",
                "Check shorter texts, or use a check that reads long ones.",
            )
        named: set[str] = set()
        for part in parts:
            named |= await self._labels(part)
        return _verdict(self.name, flagged=bool(named), named=named)

    async def _labels(self, text: str) -> set[str]:
        endpoint = self._server.endpoint
        if endpoint.model:
            answer = await self._server.ask(
                "/classify", {"model": endpoint.model, "input": self._server.readable(text)}
            )
            answer = answer.get("data") if isinstance(answer, dict) else None
        else:
            answer = await self._server.ask("/predict", {"inputs": self._server.readable(text)})
        rows = list(_rows(answer))
        if not rows:
            raise unclear(endpoint)
        return {label for label, score in rows if score >= endpoint.least and label.lower() not in _HARMLESS}


def open_endpoints(checks: Mapping[str, object], transport: Poster, secrets: SecretSource) -> dict[str, Check]:
    """A check for each of ``checks`` that a server makes, by its name; others are left out."""
    kinds: dict[str, Callable[[Server], Check]] = {
        "moderation": Moderation,
        "llama_guard": LlamaGuard,
        "classifier": Classifier,
        "presidio": PresidioServer,
        "guardrails_ai": GuardrailsServer,
        "nemo": NemoServer,
    }
    return {
        name: kinds[each.kind](Server(each, transport, secrets))
        for name, each in checks.items()
        if isinstance(each, Endpoint)
    }


def _flagged(result: Mapping[str, Any], least: float) -> set[str]:
    scores = result.get("category_scores")
    if isinstance(scores, dict) and scores:
        return {str(name) for name, score in scores.items() if isinstance(score, int | float) and score >= least}
    categories = result.get("categories")
    return {str(name) for name, on in categories.items() if on is True} if isinstance(categories, dict) else set()


def _rows(answer: object) -> Iterable[tuple[str, float]]:
    """``(label, score)`` of each row, however deep the server nests them."""
    if isinstance(answer, list):
        for each in answer:
            yield from _rows(each)
    elif isinstance(answer, dict):
        score = answer.get("score", answer.get("probs"))
        if isinstance(score, list):
            score = max((each for each in score if isinstance(each, int | float)), default=None)
        if isinstance(answer.get("label"), str) and isinstance(score, int | float):
            yield answer["label"], float(score)


def _verdict(name: str, *, flagged: bool, named: Iterable[str]) -> Verdict:
    words = sorted({str(each)[:40] for each in named})
    reason = f"found {', '.join(words)}" if words else "found something" if flagged else ""
    return Verdict(name, "flag" if flagged else "pass", (), reason)
