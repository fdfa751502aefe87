"""Any HTTP endpoint as a target: one that speaks chat completions, or one that takes JSON of a form that the bundle gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from aver.core import Clock, canonical_json, sha256_hex
from aver.core.errors import InvalidInput, ProviderError
from aver.core.settings import ModelTimeouts
from aver.evals.types import Case, Cited, Response
from aver.gateway.credentials.types import SecretSource
from aver.gateway.transport import Poster
from aver.gateway.waits import Waits
from aver.gateway.wire.refusals import refusal
from aver.gateway.wire.types import HttpRequest

__all__ = ["Endpoint", "EndpointTarget", "filled", "pointed"]

_TIMEOUTS = ModelTimeouts()
_SLOT = re.compile(r"\{(question|id|user|history|(?:variables|metadata)\.[\w-]+)\}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where it is and how it is spoken to. ``credential`` is a reference, never a secret. Without a ``body`` it is asked for a chat completion.

    In ``body``, ``{question}``, ``{id}``, ``{user}``, ``{history}``, ``{variables.NAME}`` and ``{metadata.NAME}`` stand for what the case says:
    a text that is nothing else becomes the value itself. ``answer`` and ``looked`` are JSON Pointers (RFC 6901) into the reply: to the text, and
    to a list of the texts that it was made from.
    """

    name: str
    url: str
    model: str = ""
    credential: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    answer: str = "/choices/0/message/content"
    looked: str = ""
    version: str = ""
    """What its owner says tells it from what it was before; without it, nothing of it is used in another run."""


class EndpointTarget:
    """Asks over the gateway's connections and with its secrets."""

    def __init__(self, endpoint: Endpoint, transport: Poster, secrets: SecretSource, clock: Clock) -> None:
        self.name = f"endpoint:{endpoint.name}"
        self.digest = sha256_hex(canonical_json([self.name, asdict(endpoint)])) if endpoint.version else ""
        self._endpoint, self._transport, self._secrets, self._clock = endpoint, transport, secrets, clock

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Raises :class:`~aver.core.errors.ProviderError` and what is below it, for an answer that is not there too."""
        endpoint = self._endpoint
        headers = {}
        if endpoint.credential:
            headers["Authorization"] = f"Bearer {await self._secrets.get(endpoint.credential)}"
        body = filled(endpoint.body, case) if endpoint.body else _chat(endpoint, case, seed)
        began = self._clock.monotonic()
        waits = Waits(_TIMEOUTS, 600.0, silent=True)  # the run has a limit of its own
        request = HttpRequest(endpoint.url, orjson.dumps(body), headers)
        answered = await self._transport.post(request, waits, _TIMEOUTS.connect)
        try:
            if answered.status >= 300:
                raise refusal(answered.status, answered.headers, await answered.refusal())
            raw = await answered.body()
        finally:
            answered.close()
        return self._response(raw, (self._clock.monotonic() - began) * 1000)

    def _response(self, raw: bytes, taken: float) -> Response:
        endpoint = self._endpoint
        try:
            reply = orjson.loads(raw)
            answer = pointed(reply, endpoint.answer)
            looked = pointed(reply, endpoint.looked) if endpoint.looked else None
        except (ValueError, LookupError) as error:
            raise ProviderError(
                f"{self.name} gave nothing at {endpoint.answer}: {error}", "Correct answer or looked."
            ) from None
        usage = reply.get("usage") if isinstance(reply, dict) else None
        usage = usage if isinstance(usage, dict) else {}
        return Response(
            text=answer if isinstance(answer, str) else "",
            value=None if isinstance(answer, str) else answer,
            looked=None if looked is None else tuple(Cited("", 0, len(text), text) for text in map(str, looked)),
            input_tokens=_whole(usage.get("prompt_tokens")),
            output_tokens=_whole(usage.get("completion_tokens")),
            latency_ms=taken,
        )


def filled(template: Any, case: Case) -> Any:
    """A body with what the case says in its places. Raises :class:`~aver.core.errors.InvalidInput` for a variable that the case does not have."""
    if isinstance(template, Mapping):
        return {name: filled(each, case) for name, each in template.items()}
    if isinstance(template, list | tuple):
        return [filled(each, case) for each in template]
    if not isinstance(template, str):
        return template
    if match := _SLOT.fullmatch(template):
        return _slot(match[1], case)
    return _SLOT.sub(lambda match: str(_slot(match[1], case)), template)


def _slot(name: str, case: Case) -> Any:
    if name == "history":
        return [asdict(each) for each in case.history]
    place, _, key = name.partition(".")
    value = getattr(case, place)
    if not key:
        return value
    if key not in value:
        raise InvalidInput(
            f"{case.place or case.id}: there is no {name}", "Add it to the case, or leave it out of the body."
        )
    return value[key]


def pointed(value: Any, pointer: str) -> Any:
    """What a JSON Pointer leads to. Raises :class:`LookupError` where there is nothing."""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901 - unescaped
        if isinstance(value, list) and token.isdigit():
            value = value[int(token)]
        elif isinstance(value, dict) and token in value:
            value = value[token]
        else:
            raise LookupError(f"no {token!r}")
    return value


def _chat(endpoint: Endpoint, case: Case, seed: int) -> dict[str, Any]:
    messages = [asdict(each) for each in case.history] + [{"role": "user", "content": case.question}]
    return {"model": endpoint.model, "messages": messages, "temperature": 0, "seed": seed}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
