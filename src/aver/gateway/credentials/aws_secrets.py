"""AWS Secrets Manager: ``aws:secretsmanager/NAME#FIELD``, where NAME may be an ARN.

Reference: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import orjson

from aver.core.clock import Clock
from aver.core.errors import ProviderDenied
from aver.gateway.credentials.asking import ask
from aver.gateway.credentials.aws import AwsIdentity, region_of
from aver.gateway.credentials.fields import field_within
from aver.gateway.credentials.kept import Kept
from aver.gateway.credentials.sigv4 import SigV4
from aver.gateway.credentials.types import Fetched, Reference

__all__ = ["AwsSecrets"]

_REFRESH = 300.0


class AwsSecrets:
    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._environment = environment
        self._clock = clock
        self._identity = Kept(AwsIdentity(environment, clock).fetch, clock)

    async def fetch(self, reference: Reference) -> Fetched[str]:
        service, _, name = reference.place.partition("/")
        if service != "secretsmanager" or not name:
            raise ProviderDenied(f"{reference} names no secret of AWS", "Write aws:secretsmanager/NAME.")
        region = name.split(":")[3] if name.count(":") >= 6 else region_of(self._environment)
        if not region:
            raise ProviderDenied(f"{reference} is in no known region", "Set AWS_REGION.")
        get = self._environment.get
        url = get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or get("AWS_ENDPOINT_URL")
        url = f"{url or f'https://secretsmanager.{region}.amazonaws.com'}".rstrip("/") + "/"
        body = orjson.dumps({"SecretId": name})
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "secretsmanager.GetSecretValue",
        }
        signed = SigV4("secretsmanager", region).headers(
            "POST", url, headers, body, await self._identity.get(), self._clock.now()
        )
        answer = await ask("AWS Secrets Manager", "POST", url, headers=headers | signed, data=body)
        answer.check(str(reference))
        said = answer.json()
        text = said.get("SecretString")
        if text is None:
            text = base64.b64decode(said.get("SecretBinary") or "").decode("utf-8", "replace")
        return Fetched(field_within(text, reference), _REFRESH)
