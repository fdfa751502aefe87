"""A question to a server that judges texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import ProviderError
from aver.core.settings import ModelTimeouts
from aver.gateway.credentials.types import SecretSource
from aver.gateway.transport import Poster
from aver.gateway.waits import Waits
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import refusal
from aver.gateway.wire.types import HttpRequest
from aver.guard.declared import Endpoint

__all__ = ["Server", "unclear"]

_HALF = re.compile("[\ud800-\udfff]")

_WAIT = 30.0
"""Seconds at most; the rail's deadline is shorter as a rule, and closes the connection."""
_TIMEOUTS = ModelTimeouts()


class Server:
    """One endpoint, over the gateway's connections and with its secrets."""

    def __init__(self, endpoint: Endpoint, transport: Poster, secrets: SecretSource) -> None:
        self.endpoint = endpoint
        self._transport = transport
        self._secrets = secrets

    @staticmethod
    def readable(text: str) -> str:
        """``text`` without halves of characters, which no JSON carries; what stands in for one is as long."""
        return _HALF.sub("\ufffd", text)

    async def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that the server answers with.

        Raises :class:`~aver.core.errors.ProviderError` and what is below it, without the text or the key.
        """
        headers = {}
        if self.endpoint.credential:
            headers["Authorization"] = f"Bearer {await self._secrets.get(self.endpoint.credential)}"
        url = self.endpoint.base_url.rstrip("/") + path
        waits = Waits(_TIMEOUTS, _WAIT, silent=True)
        response = await self._transport.post(HttpRequest(url, as_json(body), headers), waits, _TIMEOUTS.connect)
        try:
            if response.status >= 300:
                raise refusal(response.status, response.headers, await response.refusal())
            answer = await response.body()
        finally:
            response.close()
        try:
            return orjson.loads(answer)
        except orjson.JSONDecodeError:
            raise unclear(self.endpoint) from None


def unclear(endpoint: Endpoint) -> ProviderError:
    """The server answered with something that is no verdict."""
    return ProviderError(
        f"{endpoint.name} did not answer with a verdict of the kind {endpoint.kind}", "Check its kind and its address."
    )
