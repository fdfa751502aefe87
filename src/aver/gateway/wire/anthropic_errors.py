"""Errors of Anthropic's protocol, read and written.

Reference: https://docs.anthropic.com/en/api/errors.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from aver.core.errors import (
    AverError,
    BudgetExceeded,
    ContentFiltered,
    ProviderDenied,
    ProviderExhausted,
    ProviderRefused,
    ProviderThrottled,
)
from aver.gateway.wire.refusals import refusal

__all__ = ["error_of", "shape", "within_stream"]

_KINDS: dict[str, type[ProviderRefused]] = {
    "authentication_error": ProviderDenied,
    "permission_error": ProviderDenied,
    "billing_error": ProviderExhausted,
    "rate_limit_error": ProviderThrottled,
    "overloaded_error": ProviderRefused,
    "api_error": ProviderRefused,
    "timeout_error": ProviderRefused,
}
_SPENT = (b'"enforced_spend_limit_reached"', b'"contract_spend_limit_reached"', b'"linked_organization_spend_limit_')
"""Codes in an error's details: the account's limit is met until its month ends, whatever the status."""
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_STATUSES = {kind: status for status, kind in _TYPES.items() if status not in (409, 422)}


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ProviderRefused:
    """The class of failure behind an error status, in Anthropic's words."""
    kinds = _KINDS
    if any(code in body for code in _SPENT):
        kinds = dict.fromkeys((*_KINDS, "invalid_request_error"), ProviderExhausted)
    elif b"content filtering policy" in body:
        kinds = {**_KINDS, "invalid_request_error": ContentFiltered}
    elif b"credit balance is too low" in body or b"prompt is too long" in body:
        kinds = {}  # told apart by these words, whatever the type
    return refusal(status, headers, body, kinds)


def within_stream(data: bytes) -> ProviderRefused:
    """The error that a stream, or a body with a good status, reports."""
    try:
        kind = orjson.loads(data)["error"]["type"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        kind = ""
    return error_of(_STATUSES.get(kind, 529 if kind == "overloaded_error" else 0), {}, data)


def shape(error: AverError, request_id: str | None = None) -> dict[str, object]:
    """The error as Anthropic words it; in a stream the id has been said already."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    if isinstance(error, BudgetExceeded):
        kind = "rate_limit_error"
    return {"type": "error", "error": {"type": kind, "message": str(error)}, "request_id": request_id}
