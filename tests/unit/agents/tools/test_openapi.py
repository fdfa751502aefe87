"""OpenAPI documents as operations."""

import json
import re
from contextlib import suppress
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.tools.openapi import base_of, operations, read_document
from aver.agents.tools.openapi.request import Parameter, body_of, query_of, url_of
from aver.agents.tools.operation import Operation, Unusable
from aver.agents.tools.schema import Schema
from aver.agents.tools.web import Web
from aver.core.errors import InvalidInput, SettingsError
from aver.testing.fakes.tools import shop_document

URL = "https://shop.example.com/v1"


def read(raw):
    return read_document(json.dumps(raw), "shop.yaml")


def found(raw, url=URL):
    return {each.name: each for each in operations(read(raw), Web("The shop", url))}


def one(spec, path="/x", method="post", **document):
    raw = {"openapi": "3.1.0", "paths": {path: {method: {"operationId": "it", **spec}}}, **document}
    return found(raw)["it"]


def test_each_operation_is_one_and_says_what_it_takes():
    shop = found(shop_document())
    assert shop["getOrder"].parameters == {
        "type": "object",
        "properties": {"order": {"type": "string", "description": "Its id."}},
        "required": ["order"],
        "additionalProperties": False,
    }
    placed = shop["placeOrder"]
    order = placed.parameters["$defs"]["Order"]
    assert "id" not in order["properties"]
    assert order["required"] == ["item"]
    assert placed.idempotent
    assert "Idempotency-Key" not in placed.parameters["properties"]
    assert shop["getOrder"].returns["$defs"]["Order"]["required"] == ["id", "item"]
    assert (shop["cancelOrder"].hints.method, shop["cancelOrder"].hints.path) == ("DELETE", "/orders/{order}")
    assert isinstance(shop["putPicture"], Unusable)
    assert "image/png" in shop["putPicture"].cause
    for each in shop.values():
        if isinstance(each, Operation):
            assert each.arguments.problems({}) == [] or each.parameters["required"]


def test_yaml_is_read_too():
    document = read_document(yaml.safe_dump(json.loads(json.dumps(shop_document()))), "shop.yaml")
    assert {each.name for each in operations(document, Web("The shop", URL))} >= {"getOrder", "placeOrder"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "something else"),
        ("[]", "something else"),
        ("openapi: 2.0", "something else"),
        ("swagger: '2.0'", "Swagger 2"),
        ("openapi: 3.1.0\npaths: []", "no paths"),
        ("a: &x 1\nb: *x", "alias"),
        ("{" * 20_000, "nested too deeply|expected|found"),
        ("x" * (2**24 + 1), "at most"),
    ],
)
def test_what_is_no_document_is_refused(text, said):
    with pytest.raises(SettingsError, match=said):
        read_document(text, "shop.yaml")


def test_the_dialect_of_3_0_is_put_into_json_schema():
    spec = {
        "parameters": [
            {
                "name": "a",
                "in": "query",
                "schema": {"type": "integer", "nullable": True, "minimum": 1, "exclusiveMinimum": True},
            },
            {"name": "b", "in": "query", "schema": {"type": "string", "nullable": True, "enum": ["x"]}},
        ]
    }
    rules = one(spec, openapi="3.0.3").parameters
    schema = Schema(rules, "it")
    for fits in ({"a": 2}, {"a": None}, {"b": "x"}, {"b": None}):
        assert schema.problems(fits) == []
    for not_ in ({"a": 1}, {"a": "2"}, {"b": "y"}):
        assert schema.problems(not_)


@pytest.mark.parametrize(
    ("spec", "path", "said"),
    [
        ({"parameters": [{"name": "s", "in": "cookie", "required": True}]}, "/x", "requires the cookie"),
        ({"parameters": [{"name": "s", "in": "body"}]}, "/x", "a parameter in 'body'"),
        ({"parameters": [{"$ref": "#/nowhere"}]}, "/x", "a parameter in 'None'"),
        ({"parameters": [{"name": "s", "in": "path", "style": "matrix"}]}, "/x/{s}", "style 'matrix'"),
        ({}, "/x/{s}", "what 's' in its path is"),
        ({}, "x", "a path that begins with /"),
        ({"servers": [{"url": "https://evil.example/"}]}, "/x", "another address"),
        (
            {"requestBody": {"content": {"application/json": {"schema": {"$ref": "https://a.example/s"}}}}},
            "/x",
            "outside of it",
        ),
        ({"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/nowhere"}}}}}, "/x", "not there"),
        ({"requestBody": {"content": {"multipart/form-data": {}}}}, "/x", "not spoken"),
    ],
)
def test_what_cannot_be_spoken_is_left_out_and_said(spec, path, said):
    unusable = one(spec, path)
    assert isinstance(unusable, Unusable)
    assert said in unusable.cause


def test_two_operations_do_not_share_a_name():
    raw = {
        "openapi": "3.1.0",
        "paths": {"/a": {"get": {"operationId": "x"}, "put": {"operationId": "x"}}, "/b": {"get": {}}},
    }
    both = [*operations(read(raw), Web("The shop", URL))]
    assert [type(each) for each in both] == [Operation, Unusable, Operation]
    assert both[2].name == "get_b"


def test_a_credential_and_who_asks_are_no_arguments():
    spec = {
        "security": [{"k": []}],
        "parameters": [
            {"name": each, "in": "header", "required": True, "schema": {}}
            for each in ("Authorization", "Cookie", "Host", "X-Forwarded-For", "X-Key", "X-Trace")
        ],
    }
    schemes = {"securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}}}
    assert [*one(spec, components=schemes).parameters["properties"]] == ["X-Trace"]


def test_circles_in_schemas_end():
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    operation = one({"requestBody": body}, components={"schemas": {"Node": node}})
    assert operation.arguments.problems({"body": {"next": {"next": {"next": 3}}}})


def test_circles_of_references_alone_end():
    parameter = {"$ref": "#/components/parameters/A"}
    around = {"A": {"$ref": "#/components/parameters/B"}, "B": parameter}
    unusable = one({"parameters": [parameter]}, components={"parameters": around})
    assert "a parameter in 'None'" in unusable.cause
    schemas = {"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
    unusable = one({"requestBody": body}, components={"schemas": schemas})
    assert isinstance(unusable, Unusable)
    assert "not there or empty" in unusable.cause
    assert unusable.next_step


def test_a_schema_that_leads_to_all_others_is_left_out():
    schemas = {f"S{n}": {"properties": {"next": {"$ref": f"#/components/schemas/S{n + 1}"}}} for n in range(600)}
    schemas["S600"] = {"type": "string"}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    unusable = one({"requestBody": body}, components={"schemas": schemas})
    assert "more than 500 others" in unusable.cause


def test_a_hundred_thousand_operations_are_not_read():
    raw = {"openapi": "3.1.0", "paths": {f"/{n}": {"get": {}} for n in range(100_000)}}
    with pytest.raises(SettingsError, match="has 100,000 operations, and at most 5,000 are read") as raised:
        read(raw)
    assert raised.value.next_step


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["#/paths", "#/", "path", "query", "/a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "get",
                    "post",
                    "parameters",
                    "requestBody",
                    "content",
                    "schema",
                    "$ref",
                    "in",
                    "name",
                    "required",
                    "responses",
                    "200",
                    "application/json",
                    "security",
                    "servers",
                    "url",
                    "variables",
                    "properties",
                    "items",
                    "allOf",
                    "nullable",
                    "style",
                    "explode",
                    "operationId",
                    "description",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JUNK, JUNK, JUNK)
def test_a_document_with_anything_anywhere_is_read_or_refused(item, components, servers):
    raw = {
        "openapi": "3.0.0",
        "paths": {"/a": item, "/b/{c}": item},
        "components": components,
        "servers": servers,
        "security": item,
    }
    document = read(raw)
    with suppress(SettingsError):
        base_of(document, "")
    for each in operations(document, Web("The shop", URL)):
        if isinstance(each, Operation):
            with suppress(SettingsError):
                each.arguments.problems({})


ORDER = Parameter("order", "order", "path", "simple", explode=False)
ITEM = Parameter("item", "item", "path", "simple", explode=False)


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_value_breaks_out_of_its_place_in_the_path(order, item):
    try:
        url = url_of(URL, "/orders/{order}/items/{item}", [ORDER, ITEM], {"order": order, "item": item})
    except (InvalidInput, UnicodeEncodeError):
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "shop.example.com", "", "")
    steps = parts.path.split("/")
    assert steps[:3] == ["", "v1", "orders"]
    assert (unquote(steps[3]), steps[4], unquote(steps[5])) == (order, "items", item)
    assert re.fullmatch(r"[!-~]+", url)


@pytest.mark.parametrize(
    "value",
    ["", ".", "..", "../admin", "a/../../b", "..\\b", "%2e%2e", "%2e%2e%2fadmin", "%252e%252e/x", "x/..", "./x"],
)
def test_steps_out_of_the_path_are_refused(value):
    with pytest.raises(InvalidInput):
        url_of(URL, "/orders/{order}", [ORDER], {"order": value})


def test_a_name_in_a_value_is_not_filled_in_again():
    url = url_of(URL, "/a/{order}/{item}", [ORDER, ITEM], {"order": "{item}", "item": "x"})
    assert url == f"{URL}/a/%7Bitem%7D/x"


def query(value, **given):
    parameter = Parameter(
        "q", "q", "query", given.get("style", "form"), given.get("explode", True), given.get("json", False)
    )
    return query_of([parameter], {"q": value})


def test_each_style_writes_values_as_the_specification_says():
    assert query(["a", "b"]) == [("q", "a"), ("q", "b")]
    assert query(["a", "b"], explode=False) == [("q", "a,b")]
    assert query(["a", "b"], style="pipeDelimited", explode=False) == [("q", "a|b")]
    assert query({"a": 1, "b": True}) == [("a", "1"), ("b", "true")]
    assert query({"a": 1, "b": None}, explode=False) == [("q", "a,1,b,null")]
    assert query({"a": 1}, style="deepObject") == [("q[a]", "1")]
    assert query({"a": [1]}, json=True) == [("q", '{"a":[1]}')]
    assert body_of({"a": "b c&d", "l": [1, 2]}, "application/x-www-form-urlencoded") == b"a=b%20c%26d&l=1&l=2"
    assert body_of({"a": 1}, "application/json") == b'{"a":1}'
    assert body_of("words", "text/plain") == b"words"
