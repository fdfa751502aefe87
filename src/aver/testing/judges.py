"""A server that judges texts over real HTTP, in the protocols that Aver asks such servers in, faults included.

In a test::

    async with FakeJudge(["bomb"]) as judge:
        ...  # judge.base_url, judge.asked
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any, Literal, Self

from aiohttp import web

__all__ = ["FakeJudge", "Fault"]

Fault = Literal["", "status", "garbage", "empty", "hang", "echo"]
"""An error status; what is no JSON; JSON that is no verdict; no answer; an error status whose words repeat the text."""


class FakeJudge:
    """Finds a text bad when one of ``words`` is in it. ``key`` is what callers have to show."""

    def __init__(self, words: Sequence[str], *, key: str = "judge-key") -> None:
        self.words = words
        self.key = key
        self.fault: Fault = ""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.base_url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/moderations", self._handler(self._moderation))
        app.router.add_post("/v1/chat/completions", self._handler(self._chat))
        app.router.add_post("/v1/classify", self._handler(self._classify))
        app.router.add_post("/v1/predict", self._handler(self._predict))
        app.router.add_post("/v1/analyze", self._handler(self._analyze))
        app.router.add_post("/v1/guards/polite/validate", self._handler(self._validate))
        app.router.add_post("/v1/guardrail/checks", self._handler(self._checks))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def _handler(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            body = await request.json()
            self.asked.append((request.path, body))
            if request.headers.get("Authorization") != f"Bearer {self.key}":
                return web.json_response({"error": {"message": "no key", "code": "invalid_api_key"}}, status=401)
            match self.fault:
                case "status":
                    return web.json_response({"error": {"message": "overloaded"}}, status=503)
                case "echo":
                    return web.json_response({"error": {"message": f"cannot read {json.dumps(body)}"}}, status=400)
                case "garbage":
                    return web.Response(text="<html>", content_type="text/html")
                case "empty":
                    return web.json_response({"results": []})
                case "hang":
                    await asyncio.Event().wait()
            return web.json_response(answer(body))

        return handle

    def _bad(self, text: str) -> bool:
        return any(word in text for word in self.words)

    def _moderation(self, body: dict[str, Any]) -> Any:
        bad = self._bad(body["input"])
        scores = {"violence": 0.97 if bad else 0.01, "self-harm/intent": 0.002}
        result = {"flagged": bad, "categories": {name: score > 0.5 for name, score in scores.items()}}
        return {"id": "modr-1", "model": body.get("model", "fake"), "results": [result | {"category_scores": scores}]}

    def _chat(self, body: dict[str, Any]) -> Any:
        bad = self._bad(body["messages"][-1]["content"])
        message = {"role": "assistant", "content": "\n\nunsafe\nS1,S9" if bad else "\n\nsafe"}
        return {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": message}]}

    def _classify(self, body: dict[str, Any]) -> Any:
        bad = self._bad(body["input"])
        row = {"index": 0, "label": "MALICIOUS" if bad else "BENIGN", "probs": [0.03, 0.97], "num_classes": 2}
        return {"id": "c", "object": "list", "data": [row]}

    def _predict(self, body: dict[str, Any]) -> Any:
        bad = self._bad(body["inputs"])
        return [[{"label": "INJECTION", "score": 0.9 if bad else 0.1}, {"label": "SAFE", "score": 0.1 if bad else 0.9}]]

    def _analyze(self, body: dict[str, Any]) -> Any:
        text, word = body["text"], self.words[0]
        starts = [match.start() for match in re.finditer(re.escape(word), text)]
        return [
            {
                "entity_type": "WORD",
                "start": start,
                "end": start + len(word),
                "score": 0.85,
                "analysis_explanation": None,
            }
            for start in starts
        ]

    def _validate(self, body: dict[str, Any]) -> Any:
        text = body["llmOutput"]
        passed = not self._bad(text)
        return {"callId": "1", "rawLlmOutput": text, "validatedOutput": text, "validationPassed": passed}

    def _checks(self, body: dict[str, Any]) -> Any:
        status = "blocked" if self._bad(body["messages"][-1]["content"]) else "success"
        return {"status": status, "rails_status": {"self check input": {"status": status}}, "guardrails_data": None}
