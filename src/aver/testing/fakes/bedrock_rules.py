"""What AWS's own client library says of a request: whether its body is Converse's, and whether its signature is right."""

from __future__ import annotations

from functools import cache
from hmac import compare_digest
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

from aver.testing.replies import Received

__all__ = ["check_converse", "is_signed"]


def check_converse(body: dict[str, Any], model: str) -> None:
    """Raises ``ValueError`` for a body that botocore, where it is installed, would not send, and for roles that do not alternate."""
    if find_spec("botocore"):
        from botocore.validate import ParamValidator  # type: ignore[import-untyped]

        report = ParamValidator().validate({**body, "modelId": model}, _shape())
        if report.has_errors():
            raise ValueError(report.generate_report())
    roles = [message["role"] for message in body["messages"]]
    if roles != ["user" if index % 2 == 0 else "assistant" for index in range(len(roles))] or not roles:
        raise ValueError("A conversation must start with a user message, and roles must alternate.")
    for message in body["messages"]:
        if any("text" in block and not block["text"].strip() for block in message["content"]):
            raise ValueError("The text field in the ContentBlock object is blank.")
    used = any("toolUse" in block or "toolResult" in block for each in body["messages"] for block in each["content"])
    if used and "toolConfig" not in body:
        raise ValueError("The toolConfig field must be defined when using toolUse and toolResult content blocks.")


@cache
def _shape() -> Any:
    from botocore.session import get_session  # type: ignore[import-untyped]

    return get_session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def is_signed(received: Received, key: str) -> bool:
    """Whether the request carries a signature of the fourth version made with ``ACCESS_KEY:SECRET_KEY``."""
    from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
    from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
    from botocore.credentials import Credentials  # type: ignore[import-untyped]

    access, _, secret = key.partition(":")
    scheme, _, rest = received.headers.get("Authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256" or not secret:
        return False
    shown = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    scope = shown.get("Credential", "").split("/")
    date = received.headers.get("X-Amz-Date", "")
    if (
        len(scope) != 5
        or scope[0] != access
        or not date.startswith(scope[1])
        or scope[3:] != ["bedrock", "aws4_request"]
    ):
        return False
    # The path as it was on the wire: a model's name is one segment, colons encoded.
    path = f"/model/{quote(received.captured['model'], safe='')}/{received.path.rpartition('/')[2]}"
    host = received.headers.get("Host", "")
    signed = shown.get("SignedHeaders", "").split(";")
    request = AWSRequest(received.method, f"http://{host}{path}", data=received.raw)
    for name in signed:
        request.headers[name] = received.headers.get(name, "")
    request.context["timestamp"] = date
    auth = SigV4Auth(Credentials(access, secret), "bedrock", scope[2])
    wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return "host" in signed and compare_digest(wanted, shown.get("Signature", ""))
