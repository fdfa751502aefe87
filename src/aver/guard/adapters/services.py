"""Guardrail services of others as checks, over their own HTTP interfaces.

``presidio``: ``POST /analyze`` of its analyzer (https://microsoft.github.io/presidio/api-docs/api-docs.html). ``guardrails_ai``:
``POST /guards/NAME/validate`` of its server (https://guardrailsai.com/docs). ``nemo``: ``POST /guardrail/checks`` of NeMo Guardrails
(https://docs.nvidia.com/nemo/microservices/latest/guardrails/checks.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from aver.guard.adapters.asking import Server, unclear
from aver.guard.overlaps import resolved
from aver.guard.types import Finding, Place, Verdict

__all__ = ["GuardrailsServer", "NemoServer", "PresidioServer"]


class PresidioServer:
    """Says where what it found stands, so that it can be redacted."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = server.endpoint.name

    async def check(self, text: str, place: Place) -> Verdict:  # noqa: ARG002 - recognisers look alike everywhere
        answer = await self._server.ask("/analyze", {"text": self._server.readable(text), "language": "en"})
        if not isinstance(answer, list):
            raise unclear(self._server.endpoint)
        found = resolved(each for each in self._findings(answer) if each.score >= self._server.endpoint.least)
        kinds = ", ".join(sorted({each.kind for each in found}))
        return Verdict(self.name, "flag", found, f"found {kinds}") if found else Verdict(self.name, "pass")

    def _findings(self, answer: list[Any]) -> Iterator[Finding]:
        for each in answer:
            try:
                yield Finding(str(each["entity_type"])[:60], int(each["start"]), int(each["end"]), float(each["score"]))
            except (KeyError, TypeError, ValueError):
                raise unclear(self._server.endpoint) from None


class GuardrailsServer:
    """The guard called ``config``: whatever does not pass it is found, without a place."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = server.endpoint.name

    async def check(self, text: str, place: Place) -> Verdict:  # noqa: ARG002 - a server is not told
        endpoint = self._server.endpoint
        path = f"/guards/{quote(endpoint.config, safe='')}/validate"
        answer = await self._server.ask(path, {"llmOutput": self._server.readable(text)})
        passed = answer.get("validationPassed") if isinstance(answer, dict) else None
        if not isinstance(passed, bool):
            raise unclear(endpoint)
        return Verdict(self.name, "pass") if passed else Verdict(self.name, "flag", (), "did not pass the guard")


class NemoServer:
    """The rails of the configuration called ``config``: those of input over what comes in, those of output over what is answered."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = server.endpoint.name

    async def check(self, text: str, place: Place) -> Verdict:
        endpoint = self._server.endpoint
        role = "assistant" if place == "output" else "user"
        body = {
            "model": endpoint.model,
            "messages": [{"role": role, "content": self._server.readable(text)}],
            "guardrails": {"config_id": endpoint.config},
        }
        answer = await self._server.ask("/guardrail/checks", body)
        status = answer.get("status") if isinstance(answer, dict) else None
        if status not in ("success", "blocked"):
            raise unclear(endpoint)
        if status == "success":
            return Verdict(self.name, "pass")
        rails = answer.get("rails_status")
        named = [
            str(name)[:60]
            for name, each in (rails.items() if isinstance(rails, dict) else ())
            if isinstance(each, dict) and each.get("status") == "blocked"
        ]
        return Verdict(self.name, "flag", (), f"blocked by {', '.join(sorted(named)[:5]) or 'a rail'}")
