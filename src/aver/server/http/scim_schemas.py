"""What SCIM clients may ask about this server (RFC 7643, 5 to 7): which features there are, and which attributes."""

from __future__ import annotations

from typing import Any

from aver.identity.scim.resources import GROUP, USER
from aver.identity.scim.service import MOST

__all__ = ["CONFIGURATION", "RESOURCE_TYPES", "SCHEMAS"]

_NO = {"supported": False}
_YES = {"supported": True}

CONFIGURATION: dict[str, Any] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": _YES,
    "bulk": {**_NO, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {**_YES, "maxResults": MOST},
    "changePassword": _NO,
    "sort": _YES,
    "etag": _YES,
    "authenticationSchemes": [
        {
            "type": "oauthbearertoken",
            "name": "API key",
            "description": "An API key with the permission provision, as a bearer token.",
            "primary": True,
        }
    ],
}

RESOURCE_TYPES: list[dict[str, Any]] = [
    {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": f"/{name}s",
        "schema": schema,
    }
    for name, schema in (("User", USER), ("Group", GROUP))
]


def _attribute(name: str, kind: str = "string", *inner: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "type": kind,
        "multiValued": False,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
        **more,
    }
    return {**found, "subAttributes": list(inner)} if inner else found


def _schema(urn: str, name: str, *attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": urn,
        "name": name,
        "attributes": list(attributes),
    }


_READ = {"mutability": "readOnly"}

SCHEMAS: list[dict[str, Any]] = [
    _schema(
        USER,
        "User",
        _attribute("userName", required=True, uniqueness="server"),
        _attribute("externalId", caseExact=True),
        _attribute("displayName"),
        _attribute("name", "complex", _attribute("formatted"), _attribute("givenName"), _attribute("familyName")),
        _attribute("active", "boolean"),
        _attribute(
            "emails",
            "complex",
            _attribute("value"),
            _attribute("type"),
            _attribute("primary", "boolean"),
            multiValued=True,
        ),
        _attribute("roles", "complex", _attribute("value"), multiValued=True),
        _attribute(
            "groups", "complex", _attribute("value", **_READ), _attribute("display", **_READ), multiValued=True, **_READ
        ),
    ),
    _schema(
        GROUP,
        "Group",
        _attribute("displayName", required=True, uniqueness="server"),
        _attribute("externalId", caseExact=True),
        _attribute("members", "complex", _attribute("value", mutability="immutable"), multiValued=True),
    ),
]
