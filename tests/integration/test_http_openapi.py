"""The OpenAPI document describes what the server really answers."""

import aiohttp
import pytest
from pydantic import TypeAdapter


@pytest.fixture
async def fetch(server):
    key = server.application.create_key("northwind", "ann")[1]
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:

        async def request(method, path, **options):
            async with session.request(method, server.url + path, **options) as response:
                return response.status, response.content_type, await response.json(content_type=None)

        yield request


async def test_each_answer_is_as_described(fetch):
    _, _, document = await fetch("GET", "/openapi.json")
    answer = (await fetch("POST", "/v1/ask", json={"question": "How many weeks is parental leave?"}))[2]
    described = {
        ("POST", "/v1/ask", "/v1/ask"): {"json": {"question": "How many weeks is parental leave?"}},
        ("POST", "/v1/search", "/v1/search"): {"json": {"query": "leave"}},
        ("GET", "/v1/documents", "/v1/documents"): {},
        ("GET", "/v1/documents/{document}", f"/v1/documents/{answer['citations'][0]['document']}"): {},
        ("GET", "/v1/conversations", "/v1/conversations"): {},
        ("GET", "/v1/conversations/{conversation}", f"/v1/conversations/{answer['conversation']}"): {},
        ("GET", "/v1/turns/{turn}/evidence", f"/v1/turns/{answer['turn']}/evidence"): {},
        ("POST", "/v1/feedback", "/v1/feedback"): {"json": {"call": answer["turn"], "score": 0.5}},
        ("POST", "/v1/feedback", "/v1/feedback?"): {"json": {"call": answer["turn"]}},
        ("POST", "/v1/feedback", "/v1/feedback??"): {"json": {"call": "turn_\0", "score": 1}},
        ("GET", "/v1/models", "/v1/models"): {},
        ("POST", "/v1/chat/completions", "/v1/chat/completions"): {
            "json": {
                "model": "assistant",
                "messages": [{"role": "user", "content": "How many weeks is parental leave?"}],
            }
        },
        ("GET", "/healthz", "/healthz"): {},
        ("GET", "/metrics", "/metrics"): {},
        ("GET", "/readyz", "/readyz"): {},
        ("GET", "/v1/documents/{document}", "/v1/documents/none"): {},
        ("POST", "/v1/search", "/v1/search?"): {"json": {}},
        ("GET", "/v1/models/{model}", "/v1/models/none"): {},
    }
    for (method, route, path), options in described.items():
        status, kind, value = await fetch(method, path, **options)
        content = document["paths"][route][method.lower()]["responses"][str(status)]["content"]
        assert kind in content, (route, status, kind)
        problems = list(mismatches(value, content[kind]["schema"], document))
        assert not problems, (route, status, problems)


async def test_every_route_of_the_api_asks_for_a_key_and_describes_its_failures(fetch):
    _, _, document = await fetch("GET", "/openapi.json")
    assert document["components"]["securitySchemes"]["API key"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["description"]
            if path.startswith("/v1/"):
                assert operation["security"] == [{"API key": []}], path
                assert {"401", "500"} <= operation["responses"].keys(), path


def mismatches(value, schema, document, where="$"):
    """How ``value`` departs from ``schema``: types, required fields, and fields that are not described."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        found = [list(mismatches(value, each, document, where)) for each in schema["anyOf"]]
        if all(found):
            yield from min(found, key=len)
        return
    if "const" in schema or "enum" in schema:
        if value not in schema.get("enum", [schema.get("const")]):
            yield f"{where}: {value!r} is not among those described"
        return
    kinds = {
        "string": str,
        "integer": int,
        "number": int | float,
        "boolean": bool,
        "null": type(None),
        "array": list,
        "object": dict,
    }
    kind = schema.get("type")
    if kind and not isinstance(value, kinds[kind]):
        yield f"{where}: {value!r} is no {kind}"
    elif kind == "array":
        for position, item in enumerate(value):
            yield from mismatches(item, schema.get("items", {}), document, f"{where}[{position}]")
    elif kind == "object" and "properties" in schema:
        yield from (f"{where}.{name}: missing" for name in schema.get("required", []) if name not in value)
        for name, item in value.items():
            if name not in schema["properties"]:
                yield f"{where}.{name}: not described"
            else:
                yield from mismatches(item, schema["properties"][name], document, f"{where}.{name}")


def test_the_check_itself_fails_on_what_is_wrong():
    schema = TypeAdapter(dict[str, int]).json_schema() | {"properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert list(mismatches({"a": "x"}, schema, {}))
    assert list(mismatches({}, schema, {}))
    assert list(mismatches({"a": 1, "b": 2}, schema, {}))
