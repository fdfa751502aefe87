"""Each operation of a document as one of Aver's, carried out over HTTP at the declared address."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urljoin

import orjson

from aver.agents.tools.openapi.document import Document
from aver.agents.tools.openapi.request import Parameter, Place, body_of, header_value, query_of, url_of
from aver.agents.tools.operation import Hints, Operation
from aver.agents.tools.types import Result
from aver.agents.tools.web import Reply, Web, origin
from aver.core.errors import SettingsError, Unavailable, Undecided

__all__ = ["Unusable", "base_of", "operations"]

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_KEYS = ("idempotency-key", "x-idempotency-key")
_BETWEEN = (502, 504)
"""What a gateway answers with when the far side's answer is not there, whatever that did."""
_OURS = frozenset(
    """authorization proxy-authorization cookie host connection content-length content-type content-encoding transfer-encoding
    accept accept-encoding user-agent te upgrade expect forwarded x-forwarded-for x-forwarded-host""".split()  # noqa: SIM905
)
"""Headers that no argument fills: who asks and what is sent are Aver's to say."""
_STYLES = {
    "path": ("simple",),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
}


class Unusable(NamedTuple):
    """An operation that is not offered, and why."""

    name: str
    cause: str
    next_step: str


@dataclass(frozen=True)
class _Spoken:
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


def base_of(document: Document, declared: str) -> str:
    """The address that the operations are below: as declared, or the document's own first server."""
    if declared:
        return declared
    url = _server(document.raw)
    if not origin(url)[1]:
        raise SettingsError(f"{document.name} does not say where the API is", "Declare it: url: https://HOST/...")
    return url


def operations(document: Document, web: Web) -> Iterator[Operation | Unusable]:
    """One for each operation of the document, called by its ``operationId`` or its method and path; ``web`` is where it is carried out.
    What cannot be spoken, or leads to another host, comes as :class:`Unusable`."""
    for path, said in document.raw.get("paths", {}).items():
        item = document.follow(said)
        for method in _METHODS:
            if isinstance(spec := item.get(method), Mapping):
                name = _name(spec, method, path)
                try:
                    yield _operation(document, web, path, method, item, spec, name)
                except SettingsError as error:
                    yield Unusable(name, error.cause, error.next_step)


def _name(spec: Mapping[str, Any], method: str, path: str) -> str:
    said = str(spec.get("operationId") or f"{method} {path}")
    return re.sub(r"[^A-Za-z0-9_-]+", "_", said.replace(" /", " ")).strip("_")[:64]


def _operation(
    document: Document,
    web: Web,
    path: str,
    method: str,
    item: Mapping[str, Any],
    spec: Mapping[str, Any],
    name: str,
) -> Operation:
    base = web.base
    for level in (item, spec):
        if level.get("servers"):
            base = urljoin(web.base.rstrip("/") + "/", _server(level))
    if origin(base) != origin(web.base):
        said = f"{name!r} is at another address than the API, {base[:200]}"
        raise SettingsError(said, "Declare that address as an API of its own.")
    auth = _auth(document, spec)
    properties: dict[str, Any] = {}
    required: list[str] = []
    parameters, key = [], ""
    for each in _parameters(document, item, spec):
        place, there = each.get("in"), str(each.get("name", ""))
        lower = there.lower()
        if place == "header" and lower in _KEYS:
            key = there
        if (place == "header" and lower in (*_OURS, *_KEYS)) or place == "cookie" or _is(auth, place, there):
            if each.get("required") and place == "cookie" and not _is(auth, place, there):
                raise SettingsError(f"{name!r} requires the cookie {there!r}", "Declare it as a security scheme.")
            continue
        parameter = _parameter(each, properties, name)
        parameters.append(parameter)
        properties[parameter.argument] = _described(each, _rules(document, each))
        if each.get("required") or place == "path":
            required.append(parameter.argument)
    body, rules, needed = _body(document, spec, name)
    if body:
        properties["body"] = rules
        required += ["body"] if needed else []
    missing = {*re.findall(r"{([^{}]+)}", path)} - {each.name for each in parameters if each.place == "path"}
    if missing:
        raise SettingsError(f"{name!r} does not say what {min(missing)!r} in its path is", "Correct the document.")
    whole = {"type": "object", "properties": _gathered(properties), "required": required, "additionalProperties": False}
    spoken = _Spoken(method.upper(), path, tuple(parameters), body, key, auth)
    about = "\n\n".join(filter(None, (str(spec.get("summary") or ""), str(spec.get("description") or ""))))
    return Operation(
        name,
        about or f"{method.upper()} {path}",
        {**whole, "$defs": definitions} if (definitions := _definitions(properties)) else whole,
        _Running(web, base, spoken),
        _answer(document, spec),
        hints=Hints(method=method.upper(), path=path),
    )


def _server(place: Mapping[str, Any]) -> str:
    """The first server's address, its variables as by default."""
    servers = place.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], Mapping) else {}
    url = str(first.get("url", ""))
    for name, variable in (first.get("variables") or {}).items():
        url = url.replace("{" + name + "}", str(variable.get("default", "")))
    return url


def _parameters(document: Document, item: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The path's and the operation's own, which go first where both say something of one."""
    found = {}
    for each in [*(item.get("parameters") or ()), *(spec.get("parameters") or ())]:
        parameter = document.follow(each)
        found[parameter.get("in"), parameter.get("name")] = parameter
    return [*found.values()]


def _parameter(each: Mapping[str, Any], properties: Mapping[str, Any], name: str) -> Parameter:
    place, there = each.get("in"), str(each.get("name", ""))
    if place not in _STYLES or not there:
        raise SettingsError(f"{name!r} has a parameter in {str(place)[:60]!r}", "Correct the document.")
    style = str(each.get("style") or _STYLES[place][0])
    if style not in _STYLES[place]:
        raise SettingsError(f"{name!r} writes {there!r} in the style {style!r}, which is not spoken", "Leave it out.")
    explode = each.get("explode", style == "form")
    taken = there in properties or there == "body"
    argument = f"{place}_{there}" if taken else there
    return Parameter(argument, there, cast(Place, place), style, bool(explode), "content" in each)


def _rules(document: Document, each: Mapping[str, Any]) -> dict[str, Any]:
    content = each.get("content")
    media = next(iter(content.values()), None) if isinstance(content, Mapping) else each
    part = document.follow(media).get("schema", {})
    return document.schema(part, sent=True)


def _described(each: Mapping[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    return {**rules, "description": str(each["description"])} if each.get("description") else rules


def _definitions(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What the parts refer to, in one place: the same name is the same part of the document."""
    return {name: rules for part in properties.values() for name, rules in part.get("$defs", {}).items()}


def _gathered(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {word: rule for word, rule in part.items() if word != "$defs"} for name, part in properties.items()}


def _body(document: Document, spec: Mapping[str, Any], name: str) -> tuple[str, dict[str, Any], bool]:
    body = document.follow(spec.get("requestBody"))
    content = body.get("content")
    if not isinstance(content, Mapping) or not content:
        return "", {}, False
    for kind, media in content.items():
        plain = str(kind).partition(";")[0].strip().lower()
        if plain in ("application/json", "application/x-www-form-urlencoded", "text/plain") or plain.endswith("+json"):
            rules = document.schema(document.follow(media).get("schema", {}), sent=True)
            return plain, _described(body, rules), bool(body.get("required"))
    said = f"{name!r} takes {', '.join(map(str, content))[:200]}, which is not spoken"
    raise SettingsError(said, "Offer JSON, a form or plain text there.")


def _answer(document: Document, spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema of what it answers with when it went well, where there is one for all such answers."""
    found = []
    for status, response in (spec.get("responses") or {}).items():
        if str(status).startswith("2"):
            content = document.follow(response).get("content") or {}
            found += [document.follow(media).get("schema") for kind, media in content.items() if "json" in str(kind)]
            if not content:
                return None
    return document.schema(found[0], sent=False) if len(found) == 1 and found[0] else None


def _auth(document: Document, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scheme of its first requirement; empty where it has none, or may go without."""
    schemes = (document.raw.get("components") or {}).get("securitySchemes") or {}
    needed = spec.get("security", document.raw.get("security"))
    for each in needed if isinstance(needed, list) else ():
        for name in each:
            return document.follow(schemes.get(name))
    return {}


def _is(auth: Mapping[str, Any], place: Any, name: str) -> bool:
    """Whether a parameter is what the credential is put into."""
    return auth.get("type") == "apiKey" and (auth.get("in"), auth.get("name")) == (place, name)


@dataclass(frozen=True)
class _Running:
    """Called, it carries the operation out."""

    web: Web
    base: str
    spoken: _Spoken

    async def __call__(self, arguments: Mapping[str, Any], key: str) -> Result:
        spoken = self.spoken
        headers = {"Accept": "application/json, text/*;q=0.9, */*;q=0.1"}
        for each in spoken.parameters:
            if each.place == "header" and each.argument in arguments:
                headers[each.name] = header_value(each, arguments[each.argument])
        query = query_of(spoken.parameters, arguments)
        await self._prove(headers, query)
        body = None
        if spoken.body and "body" in arguments:
            headers["Content-Type"] = spoken.body
            body = body_of(arguments["body"], spoken.body)
        if spoken.key and key:
            headers[spoken.key] = key
        url = url_of(self.base, spoken.path, spoken.parameters, arguments)
        if query:
            url += "?" + "&".join(f"{quote(name, safe='[]')}={quote(value, safe='')}" for name, value in query)
        reply = await self.web.send(spoken.method, url, headers, body)
        if reply.status in _BETWEEN and spoken.method not in ("GET", "HEAD", "OPTIONS"):
            said = (
                f"{self.web.name} answered with status {reply.status}: what stands before it did not hear how it went"
            )
            raise Undecided(said, "See there whether it did what it was asked.")
        return _result(reply)

    async def _prove(self, headers: dict[str, str], query: list[tuple[str, str]]) -> None:
        """Put the credential where the document says that it belongs, as a bearer's where it does not say."""
        if self.web.secret is None:
            return
        secret, auth = await self.web.secret(), self.spoken.auth
        if not secret.isascii() or not secret.isprintable():
            said = f"The credential of {self.web.name} holds something that no header may"  # and is not repeated here
            raise Unavailable(said, "Keep it on one line, without anything around it.")
        if auth.get("type") == "apiKey" and auth.get("in") == "query":
            query.append((str(auth["name"]), secret))
        elif auth.get("type") == "apiKey" and auth.get("in") == "cookie":
            headers["Cookie"] = f"{auth['name']}={quote(secret, safe='')}"
        elif auth.get("type") == "apiKey":
            headers[str(auth["name"])] = secret
        elif auth.get("type") == "http" and str(auth.get("scheme")).lower() == "basic":
            headers["Authorization"] = f"Basic {b64encode(secret.encode()).decode()}"
        else:
            headers["Authorization"] = f"Bearer {secret}"


def _result(reply: Reply) -> Result:
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    failed = not 200 <= reply.status < 300
    value: Any = None
    if reply.cut:
        said = f"It answered with status {reply.status} and more than {len(reply.body):,} bytes, which were not read"
        return Result(None, said, failed=True)
    if not reply.body:
        return Result(
            None, f"Status {reply.status}, nothing else" if failed else "Done; it answered with nothing.", failed
        )
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
