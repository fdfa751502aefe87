"""Putting a provider's credential on a request, as each kind of provider wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from aver.core.clock import Clock
from aver.core.errors import SettingsError
from aver.gateway.config.types import ProviderConfig
from aver.gateway.credentials.aws import AwsIdentity, region_of
from aver.gateway.credentials.azure import EntraTokens
from aver.gateway.credentials.google import GoogleTokens
from aver.gateway.credentials.kept import Kept
from aver.gateway.credentials.secrets import Secrets
from aver.gateway.credentials.sigv4 import AwsCredentials, SigV4
from aver.gateway.wire.types import HttpRequest, Signer

__all__ = ["signer"]

Headers = dict[str, str]
_ANTHROPIC_VERSION = "2023-06-01"
_COGNITIVE = "https://cognitiveservices.azure.com"


def signer(  # noqa: PLR0911 - one a kind
    provider: ProviderConfig, environment: Mapping[str, str], *, secrets: Secrets | None = None
) -> Signer:
    """For requests to ``provider``. Nothing is fetched yet: a secret that is missing fails the call that needs it, and others answer.
    With ``secrets``, providers share what they refer to. Raises :class:`~aver.core.errors.SettingsError` where the credential is no
    reference, such as a key itself."""
    secrets = secrets or Secrets(environment)
    whose = f"The credential of the provider {provider.name}"
    key = secrets.kept(provider.credential, whose) if provider.credential else None
    match provider.kind:
        case "anthropic":
            return _Anthropic(key, provider)
        case "azure" if key is None or provider.options.get("auth") == "entra":
            resource = provider.options.get("resource", _COGNITIVE)
            token = Kept(EntraTokens(environment, secrets.clock, resource).fetch, secrets.clock)
            return _InHeader(token, _bearer)
        case "azure":
            return _InHeader(key, lambda value: {"api-key": value})
        case "gemini":
            return _InHeader(key, lambda value: {"x-goog-api-key": value})
        case "vertex":
            tokens = GoogleTokens(environment, secrets.clock, key.get if key else None)
            return _InHeader(Kept(tokens.fetch, secrets.clock), _bearer)
        case "bedrock":
            return _bedrock(provider, secrets, key)
    return _InHeader(key, _bearer)


def _bedrock(provider: ProviderConfig, secrets: Secrets, key: Kept[str] | None) -> Signer:
    """With a credential, a Bedrock API key; without, signatures of whoever Aver is to AWS."""
    environment = secrets.environment
    if key is None and not provider.options.get("profile") and environment.get("AWS_BEARER_TOKEN_BEDROCK"):
        key = secrets.kept("env:AWS_BEARER_TOKEN_BEDROCK")
    if key is not None:
        return _InHeader(key, _bearer)
    region = provider.options.get("region") or region_of(environment)
    if not region:
        raise SettingsError(f"The provider {provider.name} has no region", "Set its option region, or AWS_REGION.")
    identity = AwsIdentity(environment, secrets.clock, provider.options.get("profile", ""))
    return _Signed(Kept(identity.fetch, secrets.clock), SigV4("bedrock", region), secrets.clock)


def _bearer(value: str) -> Headers:
    return {"Authorization": f"Bearer {value}"}


class _InHeader:
    """A secret in a header, or none at all where there is none. The headers are made once for each value."""

    def __init__(self, key: Kept[str] | None, make: Callable[[str], Headers]) -> None:
        self._key = key
        self._make = make
        self._value: str | None = None
        self._headers: Headers = {}

    async def sign(self, request: HttpRequest) -> None:
        if self._key is None:
            return
        value = self._key.now()
        if value is None:
            value = await self._key.get()
        if value is not self._value:
            self._headers, self._value = self._make(value), value
        request.headers.update(self._headers)

    def secrets(self) -> Iterable[str]:
        known = self._key.known() if self._key else None
        return () if known is None else (known,)


class _Anthropic(_InHeader):
    """Betas that the request asks for itself are joined to the provider's."""

    def __init__(self, key: Kept[str] | None, provider: ProviderConfig) -> None:
        bearer = provider.options.get("auth") == "bearer"
        super().__init__(key, _bearer if bearer else lambda value: {"x-api-key": value})
        given = {name.lower(): value for name, value in provider.headers.items()}
        self._version = given.get("anthropic-version", _ANTHROPIC_VERSION)
        self._betas = given.get("anthropic-beta", "")

    async def sign(self, request: HttpRequest) -> None:
        request.headers["anthropic-version"] = self._version
        if self._betas:
            own = request.headers.get("anthropic-beta")
            request.headers["anthropic-beta"] = f"{self._betas},{own}" if own else self._betas
        await super().sign(request)


class _Signed:
    """A signature of the request's content, made for it alone."""

    def __init__(self, identity: Kept[AwsCredentials], signature: SigV4, clock: Clock) -> None:
        self._identity = identity
        self._signature = signature
        self._clock = clock

    async def sign(self, request: HttpRequest) -> None:
        credentials = self._identity.now() or await self._identity.get()
        request.headers.update(
            self._signature.headers("POST", request.url, request.headers, request.body, credentials, self._clock.now())
        )

    def secrets(self) -> Iterable[str]:
        known = self._identity.known()
        return () if known is None else tuple(filter(None, (known.secret_key, known.token, known.access_key)))
