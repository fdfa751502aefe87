"""A model or route of the gateway as a target: what was said before, then the question."""

from __future__ import annotations

from collections.abc import Callable

from aver.core import Clock, canonical_json, sha256_hex
from aver.core.errors import ContentFiltered
from aver.evals.targets.asking import Asker
from aver.evals.types import Case, Response
from aver.gateway.calls import Call, CallRecord, Sink
from aver.gateway.service import Gateway
from aver.gateway.types import ChatRequest, Message

__all__ = ["ModelTarget"]

_MOST = 1000


class ModelTarget:
    """Calls are on record like any others, under the feature ``evaluation``. ``decided`` is the digest of the gateway's configuration."""

    def __init__(
        self,
        model: str,
        gateway: Gateway,
        who: Asker,
        sink: Sink,
        clock: Clock,
        decided: Callable[[], str],
        max_tokens: int = _MOST,
    ) -> None:
        self.name = f"model:{model}"
        self.digest = sha256_hex(canonical_json([self.name, who.said, decided(), max_tokens]))
        self._model, self._gateway, self._who, self._sink, self._clock = model, gateway, who, sink, clock
        self._most = max_tokens

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Raises as the gateway does; what a provider's content filter refuses is a refusal."""
        messages = (*(Message(each.role, each.content) for each in case.history), Message("user", case.question))
        request = ChatRequest(messages, case.question, max_tokens=self._most, temperature=0.0, seed=seed)
        records: list[CallRecord] = []

        def sink(call: Call, record: CallRecord) -> None:
            records.append(record)
            self._sink(call, record)

        began = self._clock.monotonic()
        call = Call(self._who(case), self._model, sink, lambda: request, feature="evaluation")
        try:
            completion = await self._gateway.complete(call)
        except ContentFiltered as error:
            return Response(refused=True, details={"blocked": error.cause})
        usage = records[-1].usage if records else completion.usage
        return Response(
            text=completion.text,
            calls=None,
            mode="generated",
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            cost_usd=usage.cost_usd if usage else None,
            latency_ms=(self._clock.monotonic() - began) * 1000,
        )
