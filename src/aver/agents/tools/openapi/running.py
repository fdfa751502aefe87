"""One operation carried out over HTTP, and what its answer means: that it ran, that it did not, or that nobody can tell."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from aver.agents.tools.openapi.request import Parameter, body_of, header_value, query_of, url_of
from aver.agents.tools.text import clean
from aver.agents.tools.types import Result
from aver.agents.tools.web import Reply, Web
from aver.core.errors import Unavailable, Undecided

__all__ = ["Running", "Spoken"]

_SAFE = ("GET", "HEAD", "OPTIONS")
_NOT_TAKEN = (307, 308, 425, 429, 501)
"""With these the far side says that it has not acted (RFC 9110, sections 15.4.8, 15.4.9 and 15.6.2; RFC 6585; RFC 8470)."""
_SHOWN = 200
"""Characters of an answer that are repeated in an error."""


@dataclass(frozen=True)
class Spoken:
    """How one operation is spoken."""

    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: str
    """The media type of its body; nothing where it has none."""
    key: str
    """The header of the effect's key; nothing where the far side knows none."""
    auth: Mapping[str, Any]
    """The security scheme by which the credential is put on it."""


@dataclass(frozen=True)
class Running:
    """Called, it carries the operation out."""

    web: Web
    base: str
    spoken: Spoken

    async def __call__(self, arguments: Mapping[str, Any], key: str) -> Result:
        """What the far side answers: as it is where it says that all went well, ``failed`` where it refuses what it was asked.

        Raises :class:`~aver.core.errors.Unavailable` where it certainly did nothing, and :class:`~aver.core.errors.Undecided` where an
        operation that may change something broke off, failed on the far side or led elsewhere: it may have been done by then.
        """
        spoken = self.spoken
        headers = {"Accept": "application/json, text/*;q=0.9, */*;q=0.1"}
        for each in spoken.parameters:
            if each.place == "header" and each.argument in arguments:
                headers[each.name] = header_value(each, arguments[each.argument])
        query = query_of(spoken.parameters, arguments)
        body = None
        if spoken.body and "body" in arguments:
            headers["Content-Type"] = spoken.body
            body = body_of(arguments["body"], spoken.body)
        if spoken.key and key:
            headers[spoken.key] = key
        url = url_of(self.base, spoken.path, spoken.parameters, arguments)
        await self._prove(headers, query)
        if query:
            url += "?" + "&".join(f"{quote(name, safe='[]')}={quote(value, safe='')}" for name, value in query)
        reply = await self.web.send(spoken.method, url, headers, body)
        self._refuse(reply)
        return _result(reply)

    def _refuse(self, reply: Reply) -> None:
        """Raise for an answer that does not say what became of the operation, or says that nothing did."""
        status, harmless = reply.status, self.spoken.method in _SAFE
        if status in _NOT_TAKEN or (harmless and (status >= 500 or 300 <= status < 400)):
            said = f"{self.web.name} answered with status {status}, and did nothing{_words(reply)}"
            raise Unavailable(said, _advice(status), retry_after=_after(reply))
        if status >= 500 or 300 <= status < 400:
            said = f"{self.web.name} answered with status {status}, and may have done its work{_words(reply)}"
            raise Undecided(said, "See there whether it did what it was asked.")

    async def _prove(self, headers: dict[str, str], query: list[tuple[str, str]]) -> None:
        """Put the credential where the document says that it belongs, as a bearer's where it does not say."""
        secret, auth = await self.web.credential(), self.spoken.auth
        if not secret:
            return
        mask = self.web.mask
        if auth.get("type") == "apiKey" and auth.get("in") == "query":
            query.append((str(auth["name"]), secret))
            mask.learn(quote(secret, safe=""))
        elif auth.get("type") == "apiKey" and auth.get("in") == "cookie":
            headers["Cookie"] = f"{auth['name']}={mask.learn(quote(secret, safe=''))}"
        elif auth.get("type") == "apiKey":
            headers[str(auth["name"])] = secret
        elif auth.get("type") == "http" and str(auth.get("scheme")).lower() == "basic":
            headers["Authorization"] = f"Basic {mask.learn(b64encode(secret.encode()).decode())}"
        else:
            headers["Authorization"] = f"Bearer {secret}"


def _advice(status: int) -> str:
    if status in (307, 308) or status < 400:
        return "A redirect is not followed: declare the address where the API is now."
    return "Try again later." if status != 501 else "Leave this operation out."


def _after(reply: Reply) -> float | None:
    """The seconds of ``Retry-After``; a date there is not read."""
    said = reply.headers.get("retry-after", "")
    return float(said) if said.isdecimal() and len(said) < 6 else None


def _words(reply: Reply) -> str:
    if reply.kind != "application/json" and not reply.kind.startswith("text/plain"):
        return ""
    words = " ".join(clean(reply.body[: 4 * _SHOWN].decode("utf-8", "replace"))[0].split())
    return f": {words[:_SHOWN]}" if words else ""


def _result(reply: Reply) -> Result:
    kind, failed = reply.kind, not 200 <= reply.status < 300
    if reply.cut:
        said = f"It answered with status {reply.status} and more than {len(reply.body):,} bytes, which were not read"
        return Result(None, said, failed=True)
    if not reply.body:
        said = f"Status {reply.status}, nothing else" if failed else "Done; it answered with nothing."
        return Result(None, said, failed)
    value: Any
    if kind == "application/json" or kind.endswith("+json"):
        try:
            value = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            said = f"It answered with status {reply.status} and what it calls JSON, but is none"
            return Result(None, said, failed=True)
    elif kind.startswith("text/") or not kind:
        value = reply.body.decode("utf-8", "replace")
    else:
        said = (
            f"It answered with status {reply.status} and {len(reply.body):,} bytes of {kind[:100]}, which were not read"
        )
        return Result(None, said, failed)
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return Result(value, f"Status {reply.status}: {text}" if failed else "", failed)
