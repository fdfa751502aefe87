"""A shop with an HTTP API that an OpenAPI document describes. It takes an order once for each idempotency key."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService

__all__ = ["FakeShop", "shop_document"]

_ORDER = {
    "type": "object",
    "required": ["id", "item"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "item": {"type": "string", "description": "What is ordered."},
        "count": {"type": "integer", "minimum": 1, "default": 1},
        "note": {"type": ["string", "null"]},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
    },
}


def shop_document(url: str = "https://shop.example.com/v1") -> dict[str, Any]:
    """The shop's own description, OpenAPI 3.1."""
    order = {"$ref": "#/components/schemas/Order"}
    answer = {"description": "An order.", "content": {"application/json": {"schema": order}}}
    named = {"name": "order", "in": "path", "required": True, "schema": {"type": "string"}, "description": "Its id."}
    key = {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}}
    tags = {"name": "tags", "in": "query", "explode": False, "schema": {"type": "array", "items": {"type": "string"}}}
    state = {"name": "state", "in": "query", "schema": {"enum": ["open", "sent"]}}
    taken = {"required": True, "content": {"application/json": {"schema": order}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": url}],
        "security": [{"key": []}],
        "paths": {
            "/orders": {
                "get": {
                    "operationId": "listOrders",
                    "summary": "Lists orders.",
                    "parameters": [state, tags],
                    "responses": {"200": {"description": "Orders."}},
                },
                "post": {
                    "operationId": "placeOrder",
                    "summary": "Places an order.",
                    "parameters": [key],
                    "requestBody": taken,
                    "responses": {"201": answer},
                },
            },
            "/orders/{order}": {
                "parameters": [named],
                "get": {"operationId": "getOrder", "summary": "Tells about an order.", "responses": {"200": answer}},
                "delete": {"operationId": "cancelOrder", "responses": {"204": {"description": "Gone."}}},
            },
            "/picture": {
                "put": {
                    "operationId": "putPicture",
                    "requestBody": {"content": {"image/png": {}}},
                    "responses": {"204": {"description": "There."}},
                }
            },
        },
        "components": {
            "schemas": {"Order": _ORDER},
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Shop-Key"}},
        },
    }


class FakeShop(FakeService):
    """Answers below ``url``. ``orders`` are those placed, by id."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self._placed: dict[str, str] = {}

    def document(self) -> dict[str, Any]:
        return shop_document(self.url)

    def answer(self, asked: Asked) -> Answer:
        _, first, *rest = [unquote(part) for part in asked.raw_path.partition("?")[0].split("/")]
        if first != "orders" or len(rest) > 1:
            return Answer({"message": "there is nothing here"}, 404)
        if not rest:
            return self._place(asked) if asked.method == "POST" else Answer([*self.orders.values()])
        order = self.orders.get(rest[0])
        if order is None:
            return Answer({"message": f"there is no order {rest[0]}"}, 404)
        if asked.method == "DELETE":
            del self.orders[rest[0]]
            return Answer(status=204)
        return Answer(order)

    def _place(self, asked: Asked) -> Answer:
        key = asked.headers.get("idempotency-key", "")
        if key not in self._placed:
            order = {"id": str(len(self.orders) + 1), **asked.json()}
            self.orders[order["id"]] = order
            self._placed[key] = order["id"]
        return Answer(self.orders[self._placed[key]], 201)
