"""Each operation of a document as one of Aver's, carried out over HTTP at the declared address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import urljoin

from aver.agents.tools.openapi.document import Document, listed, mapping
from aver.agents.tools.openapi.request import Parameter, Place
from aver.agents.tools.openapi.running import Running, Spoken
from aver.agents.tools.operation import Hints, Operation, Unusable
from aver.agents.tools.web import Web, origin
from aver.core.errors import SettingsError

__all__ = ["base_of", "operations"]

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_KEYS = ("idempotency-key", "x-idempotency-key")
_OURS = frozenset(
    """authorization proxy-authorization cookie host connection content-length content-type content-encoding transfer-encoding
    accept accept-encoding user-agent te upgrade expect forwarded x-forwarded-for x-forwarded-host""".split()  # noqa: SIM905
)
"""Headers that no argument fills: who asks and what is sent are Aver's to say."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header (RFC 9110, section 5.6.2)."""
_BODIES = ("application/json", "application/x-www-form-urlencoded", "text/plain")
_STYLES = {
    "path": ("simple",),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
}


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
    What cannot be spoken, leads to another host, or bears another's name, comes as :class:`Unusable`."""
    taken: set[str] = set()
    for path, said in mapping(document.raw.get("paths")).items():
        item = document.follow(said)
        for method in _METHODS:
            if isinstance(spec := item.get(method), Mapping):
                name = _name(spec, method, str(path))
                if name in taken or not name:
                    yield Unusable(name, f"{document.name} has two operations called {name!r}", "Rename one there.")
                    continue
                taken.add(name)
                try:
                    yield _operation(document, web, str(path), method, item, spec, name)
                except SettingsError as error:
                    yield Unusable(name, error.cause, error.next_step)
                except RecursionError:
                    yield Unusable(name, f"A schema of {name!r} is nested too deeply", "Write it flatter.")


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
            base = _below(web.base, _server(level))
    if origin(base) != origin(web.base):
        said = f"{name!r} is at another address than the API, {base[:200]}"
        raise SettingsError(said, "Declare that address as an API of its own.")
    auth = _auth(document, spec)
    properties: dict[str, Any] = {}
    about: dict[str, str] = {}
    required: list[str] = []
    parameters, key = [], ""
    for each in _parameters(document, item, spec):
        place, there = each.get("in"), str(each.get("name", ""))
        if place == "header" and there.lower() in _KEYS:
            key = there
        if _is_ours(place, there, auth):
            continue
        if place == "cookie":
            if each.get("required"):
                raise SettingsError(f"{name!r} requires the cookie {there!r}", "Declare it as a security scheme.")
            continue
        parameter = _parameter(each, properties, name)
        parameters.append(parameter)
        properties[parameter.argument] = _rules(document, each)
        about[parameter.argument] = str(each.get("description") or "")
        if each.get("required") or place == "path":
            required.append(parameter.argument)
    body = _body(document, spec, name)
    if body is not None:
        properties["body"], about["body"] = body.rules, body.about
        required += ["body"] if body.required else []
    missing = {*re.findall(r"{([^{}]+)}", path)} - {each.name for each in parameters if each.place == "path"}
    if missing or not path.startswith("/"):
        what = f"what {min(missing)!r} in its path is" if missing else "a path that begins with /"
        raise SettingsError(f"{name!r} does not say {what}", "Correct the document.")
    spoken = Spoken(method.upper(), path, tuple(parameters), body.kind if body else "", key, auth)
    words = [str(spec[word]) for word in ("summary", "description") if spec.get(word)]
    return Operation(
        name,
        "\n\n".join(words) or f"{method.upper()} {path}",
        _object(document, properties, required, about),
        Running(web, base, spoken),
        _answer(document, spec),
        hints=Hints(method=method.upper(), path=path),
        idempotent=bool(key),
    )


def _object(
    document: Document, properties: Mapping[str, Any], required: list[str], about: Mapping[str, str]
) -> dict[str, Any]:
    """All arguments as one schema; what is said of an argument goes before what is said of its type."""
    rules = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    whole = document.schema(rules, sent=True)
    for name, words in about.items():
        if words and isinstance(inner := whole["properties"].get(name), dict):
            inner["description"] = words
    return whole


def _below(base: str, url: str) -> str:
    """``url``, where it is relative below ``base``; nothing where it is no address."""
    try:
        return urljoin(base.rstrip("/") + "/", url)
    except ValueError:
        return ""


def _server(place: Mapping[str, Any]) -> str:
    """The first server's address, its variables as by default."""
    first = mapping(next(iter(listed(place.get("servers"))), None))
    url = str(first.get("url", ""))
    for name, variable in mapping(first.get("variables")).items():
        url = url.replace(f"{{{name}}}", str(mapping(variable).get("default", "")))
    return url


def _parameters(document: Document, item: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The path's and the operation's own, which go first where both say something of one."""
    found = {}
    for place in (item, spec):
        for each in listed(place.get("parameters")):
            parameter = document.follow(each)
            found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
    return [*found.values()]


def _parameter(each: Mapping[str, Any], properties: Mapping[str, Any], name: str) -> Parameter:
    place, there = each.get("in"), str(each.get("name", ""))
    if place not in _STYLES or not there:
        raise SettingsError(f"{name!r} has a parameter in {str(place)[:60]!r}", "Correct the document.")
    style = str(each.get("style") or _STYLES[place][0])
    if style not in _STYLES[place]:
        raise SettingsError(f"{name!r} writes {there!r} in the style {style!r}, which is not spoken", "Leave it out.")
    if place == "header" and not _TOKEN.fullmatch(there):
        raise SettingsError(f"{name!r} has a header {there[:60]!r}, which is no name of one", "Correct the document.")
    explode = each.get("explode", style == "form")
    taken = there in properties or there == "body"
    argument = f"{place}_{there}" if taken else there
    return Parameter(argument, there, cast(Place, place), style, bool(explode), "content" in each)


def _is_ours(place: Any, name: str, auth: Mapping[str, Any]) -> bool:
    """Whether it is Aver that fills a parameter: headers that say who asks and what is sent, and what the credential is put into."""
    if place == "header" and name.lower() in (*_OURS, *_KEYS):
        return True
    return auth.get("type") == "apiKey" and (auth.get("in"), auth.get("name")) == (place, name)


def _rules(document: Document, each: Mapping[str, Any]) -> Any:
    """The schema of a parameter, as the document has it."""
    content = mapping(each.get("content"))
    media = next(iter(content.values()), None) if content else each
    return document.follow(media).get("schema", {})


class _Body(NamedTuple):
    """``kind`` is its media type, ``rules`` its schema as the document has it."""

    kind: str
    rules: Any
    about: str
    required: bool


def _body(document: Document, spec: Mapping[str, Any], name: str) -> _Body | None:
    body = document.follow(spec.get("requestBody"))
    content = mapping(body.get("content"))
    for kind, media in content.items():
        plain = str(kind).partition(";")[0].strip().lower()
        if plain in _BODIES or plain.endswith("+json"):
            rules = document.follow(media).get("schema", {})
            return _Body(plain, rules, str(body.get("description") or ""), bool(body.get("required")))
    if not content:
        return None
    said = f"{name!r} takes {', '.join(map(str, content))[:200]}, which is not spoken"
    raise SettingsError(said, "Offer JSON, a form or plain text there.")


def _answer(document: Document, spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema of what it answers with when it went well, where there is one for all such answers."""
    found = []
    for status, response in mapping(spec.get("responses")).items():
        if str(status).startswith("2"):
            content = mapping(document.follow(response).get("content"))
            found += [document.follow(media).get("schema") for kind, media in content.items() if "json" in str(kind)]
            if not content:
                return None
    return document.schema(found[0], sent=False) if len(found) == 1 and found[0] else None


def _auth(document: Document, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first scheme that it names; empty where it names none."""
    schemes = mapping(mapping(document.raw.get("components")).get("securitySchemes"))
    for each in listed(spec.get("security", document.raw.get("security"))):
        for name in mapping(each):
            scheme = document.follow(schemes.get(name))
            if scheme.get("type") == "apiKey" and not _TOKEN.fullmatch(str(scheme.get("name", ""))):
                raise SettingsError(
                    f"The security scheme {name!r} does not say under which name", "Correct the document."
                )
            return scheme
    return {}
