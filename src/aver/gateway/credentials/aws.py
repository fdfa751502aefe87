"""Who Aver is to AWS, in the order AWS's own tools look: environment, shared file, container, machine.

References: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html and the pages it names.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aver.core.clock import Clock
from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.credentials.asking import ask
from aver.gateway.credentials.sigv4 import AwsCredentials
from aver.gateway.credentials.types import Fetched

__all__ = ["AwsIdentity", "region_of"]

_NEXT_STEP = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or let Aver run under a role."
_REREAD = 60.0
_CONTAINER = "http://169.254.170.2"
_CONTAINER_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "127.0.0.1", "localhost", "::1")
_MACHINE = "http://169.254.169.254"
_MACHINE_SECONDS = 2.0
"""A machine that is none of AWS's does not answer at all."""


def region_of(environment: Mapping[str, str]) -> str:
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""


class AwsIdentity:
    """``profile`` names a section of the shared file, which then decides alone."""

    def __init__(self, environment: Mapping[str, str], clock: Clock, profile: str = "") -> None:
        self._environment = environment
        self._clock = clock
        self._profile = profile

    async def fetch(self) -> Fetched[AwsCredentials]:
        get = self._environment.get
        if not self._profile and (key := get("AWS_ACCESS_KEY_ID")) and (secret := get("AWS_SECRET_ACCESS_KEY")):
            return Fetched(AwsCredentials(key, secret, get("AWS_SESSION_TOKEN", "")))
        if (shared := self._shared()) is not None:
            return Fetched(shared, refresh=_REREAD, quick=True)
        if self._profile:
            raise ProviderDenied(
                f"AWS's shared file has no keys for the profile {self._profile}", "Add them, or name another."
            )
        if get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return await self._of_container()
        if get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            raise ProviderDenied("There are no credentials for AWS", _NEXT_STEP)
        return await self._of_machine()

    def _shared(self) -> AwsCredentials | None:
        home = self._environment.get("HOME", "")
        path = Path(self._environment.get("AWS_SHARED_CREDENTIALS_FILE") or Path(home, ".aws", "credentials"))
        profile = self._profile or self._environment.get("AWS_PROFILE", "default")
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except OSError:
            return None
        except (configparser.Error, UnicodeDecodeError):
            # The parser's own words would show a line of the file.
            raise ProviderDenied(f"AWS's shared file {path} cannot be read", "Correct it.") from None
        section = parser[profile] if parser.has_section(profile) else {}
        key, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
        return AwsCredentials(key, secret, section.get("aws_session_token") or "") if key and secret else None

    async def _of_container(self) -> Fetched[AwsCredentials]:
        get = self._environment.get
        relative = get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        url = _CONTAINER + relative if relative else get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _CONTAINER_HOSTS:
            raise ProviderDenied("AWS_CONTAINER_CREDENTIALS_FULL_URI is no address of this container", "Correct it.")
        token = get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        if file := get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            try:
                token = Path(file).read_text(encoding="utf-8").strip()  # noqa: ASYNC240 - some bytes
            except OSError as error:
                raise ProviderDenied(
                    f"{file} cannot be read", "Check AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE."
                ) from error
        headers = {"Authorization": token} if token else {}
        answer = await ask("AWS's container endpoint", "GET", url, headers=headers)
        answer.check("credentials")
        return self._temporary(answer.json())

    async def _of_machine(self) -> Fetched[AwsCredentials]:
        """Version 2 of the instance's metadata service: a session first, then the role, then its keys."""
        base = self._environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", _MACHINE).rstrip("/")
        who = "AWS's instance metadata"
        try:
            session = await ask(
                who,
                "PUT",
                f"{base}/latest/api/token",
                headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"},
                timeout=_MACHINE_SECONDS,
            )
        except ProviderError as error:
            raise ProviderDenied(
                "There are no credentials for AWS, and this is none of its machines", _NEXT_STEP
            ) from error
        session.check("a session")
        headers = {"X-aws-ec2-metadata-token": session.body.decode("latin-1").strip()}
        place = f"{base}/latest/meta-data/iam/security-credentials/"
        roles = await ask(who, "GET", place, headers=headers)
        roles.check("this machine's role")
        role = roles.body.decode("utf-8", "replace").split("\n")[0].strip()
        answer = await ask(who, "GET", place + role, headers=headers)
        answer.check("the role's credentials")
        return self._temporary(answer.json())

    def _temporary(self, said: Mapping[str, Any]) -> Fetched[AwsCredentials]:
        try:
            credentials = AwsCredentials(said["AccessKeyId"], said["SecretAccessKey"], said.get("Token") or "")
            end = datetime.fromisoformat(said["Expiration"])
        except (KeyError, TypeError, ValueError):
            raise ProviderError("AWS answered without credentials", "Check the role of this machine.") from None
        return Fetched.for_seconds(credentials, (end - self._clock.now()).total_seconds())
