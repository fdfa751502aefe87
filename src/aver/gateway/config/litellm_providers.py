"""Where LiteLLM's deployments are, and how one is let in, as Aver's providers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from aver.core.settings import ModelTimeouts
from aver.core.yaml import YamlValue
from aver.gateway.config.endpoints import base_url
from aver.gateway.config.litellm_source import ENVIRONMENT, Notes, Section
from aver.gateway.config.litellm_vendors import Vendor, identify, intended
from aver.gateway.config.shapes import keyed
from aver.gateway.config.types import Breaker, ProviderConfig
from aver.gateway.config.words import CREDENTIAL, NAME, TEXT, URL

__all__ = ["Defaults", "Providers", "Served"]

_NO_KEYS = {"", "none", "null", "empty", "dummy", "fake", "fake-key", "anything", "not-needed", "na", "n/a", "x"}
_SECRETIVE = ("auth", "key", "token", "secret", "password", "cookie", "credential")
_VARIABLES = {
    "api_version": ("AZURE_API_VERSION",),
    "vertex_project": ("VERTEXAI_PROJECT",),
    "vertex_location": ("VERTEXAI_LOCATION",),
    "aws_region_name": ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"),
}
"""Where LiteLLM finds what is not written."""
_ENTRA = ("azure_ad_token", "tenant_id", "client_id", "client_secret", "azure_username")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every deployment that says nothing itself. ``timeout`` and ``stream_timeout`` are LiteLLM's, in seconds."""

    timeout: float | None = None
    stream_timeout: float | None = None
    breaker: Breaker = field(default_factory=Breaker)
    max_concurrent: int = 256

    def timeouts(self, params: Section) -> ModelTimeouts:
        """LiteLLM's timeout is the longest silence of one attempt: all of a reply in one piece, and any moment of a stream, which may
        last as long as it likes. Here the whole call has an end as well: late enough for a second model to take as long."""
        usual = ModelTimeouts()
        whole = params.number("timeout") or params.number("request_timeout") or self.timeout
        silence = params.number("stream_timeout") or self.stream_timeout or whole
        if not silence:
            return usual
        longest = max(usual.total, 2 * (whole or 0), silence)
        return ModelTimeouts(usual.connect, silence, min(usual.stall, silence), longest, whole)


@dataclass(frozen=True, slots=True)
class Served:
    """Who serves a deployment: the provider's name, the model's name there, its region, and what is known of the vendor."""

    provider: str
    there: str
    region: str
    vendor: Vendor


class Providers:
    """Those of all deployments: deployments that agree in everything have one."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._names: dict[str, dict[str, str]] = {}
        """By vendor, then by all that a provider is, what it is called."""
        self.impatient = False
        """Some deployment has no timeout written, and gets Aver's."""
        self.found: dict[str, ProviderConfig] = {}

    def serve(self, place: YamlValue, group: str, asked: str, mode: str, params: Section) -> Served:
        """Who serves what ``params`` say, which are taken."""
        address = (
            params.scalar("api_base") or params.scalar("base_url") or params.scalar("aws_bedrock_runtime_endpoint")
        )
        declared = params.text("custom_llm_provider") or ""
        vendor, there, region = identify(asked, declared, mode, own_address=address is not None)
        options = _options(vendor, region, place, params)
        url = _address(vendor, address, options, place, params)
        if vendor.kind == "litellm":
            _tell_library(place, group, declared or asked.partition("/")[0], params.notes)
        timeouts = self._defaults.timeouts(params)
        self.impatient |= timeouts == ModelTimeouts()
        made = ProviderConfig(
            vendor.name,
            vendor.kind,
            url,
            _credential(vendor, params),
            options,
            _headers(params),
            timeouts,
            params.whole("max_parallel_requests", 10**6) or self._defaults.max_concurrent,
            breaker=self._defaults.breaker,
        )
        return Served(self._named(made), there, options.get("region", "") or options.get("location", ""), vendor)

    def _named(self, made: ProviderConfig) -> str:
        known = self._names.setdefault(made.name, {})
        number = len(known) + 1
        name = known.setdefault(repr(made), made.name if number == 1 else f"{made.name}-{number}")
        self.found.setdefault(name, replace(made, name=name))
        return name


def _tell_library(place: YamlValue, group: str, word: str, notes: Notes) -> None:
    meant = intended(word)
    doubt = f" Did you mean {meant}/...?" if meant else ""
    notes.do(place, f"{group}: {word} is asked through the litellm package: pip install 'aver[litellm]'.{doubt}")


def _address(
    vendor: Vendor, written: YamlValue | None, options: dict[str, str], place: YamlValue, params: Section
) -> str:
    own = vendor.kind == "openai" and vendor.name != "openai"  # a server of one's own, if no address is known
    usual = vendor.base_url or ("" if own else base_url(vendor.name, vendor.kind, options))
    environment = params.notes.environment
    text = written.text() if written is not None else environment.get(vendor.place, "")
    if not text and (usual or vendor.kind == "litellm"):
        return usual
    stand_in = f"https://{vendor.name}.invalid"
    if text.startswith(ENVIRONMENT):
        variable = text.removeprefix(ENVIRONMENT)
        text = environment.get(variable, "")
        stand_in = f"https://{variable.lower().replace('_', '-')}.invalid"
        if not text:
            note = f"api_base is that of {variable}, which is not set here: write it in place of {stand_in}."
            params.notes.do(written or place, note)
            return stand_in
    text = text.rstrip("/")
    if not URL.fits(text):
        params.notes.do(
            written or place, f"where {vendor.name} is reached is not said: write it in place of {stand_in}."
        )
        return stand_in
    # LiteLLM speaks Ollama's own protocol, which stands beside the one of OpenAI.
    return f"{text}/v1" if vendor.name == "ollama" and text.count("/") == 2 else text


def _credential(vendor: Vendor, params: Section) -> str:
    """A reference, whatever was written: a secret never leaves the file it is in."""
    file = params.take("vertex_credentials") if vendor.kind == "vertex" else None
    value = params.take("api_key") or file
    if value is None:
        if vendor.kind == "azure" and any(params.has(name) for name in _ENTRA):
            return ""
        return f"env:{vendor.key}" if vendor.key else ""
    text = str(value.node.value)
    reference = f"env:{text.removeprefix(ENVIRONMENT)}" if text.startswith(ENVIRONMENT) else ""
    if file is not None and not reference and "{" not in text:
        reference = f"file:{text}"
    if CREDENTIAL.fits(reference):
        return reference
    if text.strip().lower() in _NO_KEYS:
        return ""
    variable = vendor.key or f"{vendor.name.upper().replace('-', '_')}_API_KEY"
    params.notes.do(value, f"a key is written in clear, and was not taken over: put it into {variable}.")
    return f"env:{variable}"


def _options(vendor: Vendor, region: str, place: YamlValue, params: Section) -> dict[str, str]:
    found = {}
    wanted = {"api_version": "api_version"}
    if vendor.kind == "vertex":
        wanted |= {"vertex_project": "project", "vertex_location": "location"}
    if vendor.kind == "bedrock":
        wanted |= {"aws_region_name": "region", "aws_profile_name": "profile"}
    if vendor.kind == "litellm":
        wanted |= {name: name for name in ("vertex_project", "vertex_location", "aws_region_name")}
    unset = params.has("vertex_project")  # and told already, if it is missing
    for theirs, ours in wanted.items():
        text = params.text(theirs)
        if (text and TEXT.fits(text)) or (
            (text := _usual(theirs, vendor, params.notes)) and TEXT.fits(text) and not (ours == "region" and region)
        ):
            found[ours] = text
    if vendor.kind == "bedrock" and "region" not in found:
        found["region"] = region or "us-east-1"
        if not region:
            params.notes.do(place, "no region is written for Bedrock: us-east-1 stands in for it.")
    if vendor.kind == "vertex" and "project" not in found:
        found["project"] = "your-project"
        if not unset:
            params.notes.do(place, "no project is written for Vertex AI: put yours in place of your-project.")
    return found


def _usual(name: str, vendor: Vendor, notes: Notes) -> str:
    """What the environment says where nothing is written."""
    if vendor.kind not in ("azure", "vertex", "bedrock"):
        return ""
    return next((notes.environment[each] for each in _VARIABLES.get(name, ()) if each in notes.environment), "")


def _headers(params: Section) -> dict[str, str]:
    found = {}
    organization = params.text("organization")
    if organization:
        found["OpenAI-Organization"] = organization
    for written in ("extra_headers", "headers"):
        place = params.mapping(written)
        for key, value in keyed(place) if place is not None else ():
            name, text = key.text(), str(value.node.value)
            if text.startswith(ENVIRONMENT) or any(word in name.lower() for word in _SECRETIVE):
                params.notes.do(key, f"the header {name} may be a secret, and was not taken over; see credential.")
            elif NAME.fits(name) and TEXT.fits(text):
                found[name] = text
            else:
                params.notes.do(key, "a header that Aver cannot write was left out.")
    return found
