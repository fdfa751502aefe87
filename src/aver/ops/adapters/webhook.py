"""A webhook of one's own, signed as Standard Webhooks has it (https://www.standardwebhooks.com): HMAC-SHA256 over ``id.timestamp.body``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from binascii import Error
from contextlib import suppress

import orjson

from aver.ops.adapters.posting import post
from aver.ops.alerts.types import Delivery

__all__ = ["send", "signature"]

_PREFIX = "whsec_"


def send(delivery: Delivery) -> None:
    """Post the message as JSON. Its id stays when it is sent again, so that a receiver can tell."""
    message, secrets = delivery.message, delivery.secrets
    body = orjson.dumps(message.to_json())
    stamp = str(int(delivery.now.timestamp()))
    headers = {"webhook-id": message.id, "webhook-timestamp": stamp}
    if secret := secrets.get("secret"):
        headers["webhook-signature"] = signature(secret, message.id, stamp, body)
    post(secrets["url"], None, headers, body=body)


def signature(secret: str, message: str, stamp: str, body: bytes) -> str:
    """``v1,BASE64``. A secret that begins with ``whsec_`` is base64, any other its own bytes."""
    key = secret.encode()
    if secret.startswith(_PREFIX):
        with suppress(Error, ValueError):  # no base64: then it only begins so
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    signed = hmac.new(key, f"{message}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"
