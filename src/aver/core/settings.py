"""What an operator may set. A flag wins over an environment variable, that over the settings file, that over the default.

Nothing is read here: the caller hands over the flags, the environment and the text of the file. In the file::

    data: /var/lib/aver
    port: 8420
    model:
      base_url: http://127.0.0.1:11434/v1
      name: llama3
      timeouts: {first_token: 30}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue, parse_yaml

__all__ = [
    "AnchorSettings",
    "Conventions",
    "ModelSettings",
    "ModelTimeouts",
    "ParserSettings",
    "Settings",
    "TelemetrySettings",
]


Conventions = Literal["1.41.1", "1.36.0", "openinference"]
"""Names for what is told of models: OpenTelemetry's at two versions, and those of OpenInference."""


@dataclass(frozen=True, slots=True)
class ModelTimeouts:
    """How long to wait for a model, in seconds: to connect, from the request to its first token, between tokens, and for the
    whole reply from the request on. ``whole`` is for replies that come in one piece, of which nothing is heard before their end; as
    ``total`` where it is ``None``."""

    connect: float = 5.0
    first_token: float = 60.0
    stall: float = 30.0
    total: float = 300.0
    whole: float | None = None


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """An OpenAI-compatible endpoint. Prices are in US dollars per million tokens; ``None`` is unknown, not free."""

    base_url: str
    name: str
    key: str = field(default="", repr=False)
    input_usd_per_million: float | None = None
    output_usd_per_million: float | None = None
    timeouts: ModelTimeouts = ModelTimeouts()


@dataclass(frozen=True, slots=True)
class ParserSettings:
    """What reading one document may take: seconds of computing, and megabytes of memory. ``processes`` read documents beside one
    another, by default one a core and at most eight."""

    seconds: int = 300
    memory_mb: int = 2048
    processes: int = 0


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Where traces, metrics and logs are sent by the OpenTelemetry protocol over HTTP; nowhere without an ``endpoint``, to which
    ``/v1/traces`` and so on are added."""

    endpoint: str | None = None
    protocol: Literal["protobuf", "json"] = "protobuf"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    signals: tuple[Literal["traces", "metrics", "logs"], ...] = ("traces", "metrics", "logs")
    sample: float = 1.0
    """The share of traces that is sent; those in which something went wrong are sent in any case."""
    wishes: int = 60
    """How many traces a minute of each tenant are sent beyond that share, of those that callers began and sampled."""
    interval: float = 60.0
    """Seconds between two accounts of the metrics."""
    conventions: Conventions = "1.41.1"
    """Whose names the receiver knows."""
    service: str = "aver"


@dataclass(frozen=True, slots=True)
class S3AnchorSettings:
    """A bucket with object lock. ``key_id`` and ``secret_key`` are references to secrets, such as ``env:NAME``."""

    bucket: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = "aver"
    days: int = 365
    """How long an object is locked."""
    mode: Literal["COMPLIANCE", "GOVERNANCE"] = "COMPLIANCE"
    key_id: str = ""
    secret_key: str = ""


@dataclass(frozen=True, slots=True)
class TimestampAnchorSettings:
    """A timestamp authority, and the certificates that are trusted to vouch for it."""

    url: str = ""
    roots: Path = Path()


@dataclass(frozen=True, slots=True)
class WitnessAnchorSettings:
    """A witness, and its public key, hexadecimal."""

    url: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class AnchorSettings:
    """Where states of the chains of evidence are told outside, and how often; nowhere without a place."""

    every: float = 3600.0
    """Seconds."""
    file: Path | None = None
    s3: S3AnchorSettings = S3AnchorSettings()
    timestamp: TimestampAnchorSettings = TimestampAnchorSettings()
    witness: WitnessAnchorSettings = WitnessAnchorSettings()


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation's settings. Without a ``model``, answers are extractive; without a ``database_url``, embedded."""

    data: Path = Path(".aver")
    database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    """Where budgets are shared, for installations of many processes; by default the database."""
    index_engine: Literal["lancedb", "pgvector"] = "lancedb"
    """Where passages are found: in files of the data directory, or in the database."""
    host: str = "127.0.0.1"
    port: int = 8420
    max_file_mb: int = 100
    reserve_mb: int = 32
    """Kept on the disk of the data by a server, to be given up when that is full; a tenth of the disk at most."""
    keep_originals: bool = True
    """Whether the files of documents with pages are kept, so that passages can be shown on them."""
    max_request_mb: int = 32
    bundle: Path | None = None
    """The directory of ``aver.yaml``, which declares models, routes and budgets."""
    region: str = ""
    """Where the data directory and the database are, such as ``eu``; a tenant whose data have to be kept elsewhere is refused."""
    environment: str = ""
    """The environment whose releases are served; without one, the bundle as its directory is."""
    reranker: str | None = None
    """A cross-encoder of sentence-transformers that orders passages anew: a path, or a name."""
    max_question_chars: int = 8000
    model: ModelSettings | None = None
    parser: ParserSettings = ParserSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    anchors: AnchorSettings = AnchorSettings()

    @classmethod
    def load(
        cls,
        *,
        flags: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        file: str = "",
        file_name: str = "aver settings",
    ) -> Settings:
        """Settings from what was given; :class:`SettingsError` names the flag, the variable or ``FILE:LINE`` that is wrong.

        ``flags`` are by setting, ``max_file_mb`` or ``model.name``; one that is ``None`` was not given. ``file`` is the
        text of the settings file, called ``file_name`` in errors. Variables that are empty count as not given.
        """
        given = _of_file(parse_yaml(file, file_name)) | _of_environment(environment or {}) | _of_flags(flags or {})
        values = {name: _SETTINGS[name].value(words) for name, words in given.items()}
        timeouts = ModelTimeouts(**_within(values, "model.timeouts."))
        model = _within(values, "model.")
        values["parser"] = ParserSettings(**_within(values, "parser."))
        values["telemetry"] = TelemetrySettings(**_within(values, "telemetry."))
        values["anchors"] = _anchors(values, given)
        if "base_url" in model and "name" in model:
            values["model"] = ModelSettings(**model, timeouts=timeouts)
        elif "base_url" in model:
            where = given["model.base_url"].where
            raise SettingsError(f"{where}: says where a model is served, but none is named", "Set AVER_MODEL too.")
        elif "name" in model:
            where = given["model.name"].where
            raise SettingsError(f"{where}: names a model, but not where it is served", "Set AVER_MODEL_BASE_URL too.")
        return cls(**{name: value for name, value in values.items() if "." not in name})


def _anchors(values: Mapping[str, Any], given: Mapping[str, _Given]) -> AnchorSettings:
    """Raises :class:`SettingsError` for a place of which only a part is given."""
    s3, timestamp = _within(values, "anchors.s3."), _within(values, "anchors.timestamp.")
    witness = _within(values, "anchors.witness.")
    for name, found, needed in (
        ("s3", s3, ("bucket", "endpoint", "key_id", "secret_key")),
        ("timestamp", timestamp, ("url", "roots")),
        ("witness", witness, ("url", "key")),
    ):
        missing = [each for each in needed if each not in found]
        if found and missing:
            where = given[f"anchors.{name}.{next(iter(found))}"].where
            raise SettingsError(
                f"{where}: anchors.{name} is given without {missing[0]}", f"It takes {', '.join(needed)}."
            )
    return AnchorSettings(
        **_within(values, "anchors."),
        s3=S3AnchorSettings(**s3),
        timestamp=TimestampAnchorSettings(**timestamp),
        witness=WitnessAnchorSettings(**witness),
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """What someone wrote for a setting, and where."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class _Setting:
    variable: str
    parse: Callable[[str], Any]
    """Raises ``ValueError`` with what was expected."""
    secret: bool = False

    def value(self, given: _Given) -> Any:
        try:
            return self.parse(given.text)
        except ValueError as error:
            found = "something else" if self.secret else repr(given.text[:60])
            raise SettingsError(
                f"{given.where}: expected {error}, found {found}", "Correct it, or leave it out."
            ) from None


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 16 and least <= int(text) <= most):
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def _number(text: str) -> float:
    """``-1`` for what is no finite number, so that each caller has one thing to compare."""
    try:
        number = float(text)
    except ValueError:
        return -1
    return number if isfinite(number) else -1


def _price(text: str) -> float:
    price = _number(text)
    if price < 0:
        raise ValueError("a price in US dollars, 0 or more")
    return price


def _seconds(text: str) -> float:
    seconds = _number(text)
    if seconds <= 0:
        raise ValueError("a number of seconds above 0")
    return seconds


def _url(example: str, *schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        scheme, _, rest = text.partition("://")
        if scheme not in schemes or not rest.strip("/") or text.split() != [text]:
            raise ValueError(f"an address such as {example}")
        return text.rstrip("/")

    return parse


def _word(text: str) -> str:
    if not text.isprintable() or text.split() != [text]:
        raise ValueError("printable characters without spaces")
    return text


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(" or ".join(words))
        return text

    return parse


def _share(text: str) -> float:
    share = _number(text)
    if not 0 <= share <= 1:
        raise ValueError("a share from 0 to 1")
    return share


def _some_of(*words: str) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        given = [word.strip() for word in text.split(",")]
        if not set(given) <= set(words):
            raise ValueError(f"some of {', '.join(words)}, with commas between them")
        return tuple(dict.fromkeys(given))

    return parse


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("64 hexadecimal digits")
    return text


def _reference(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+:\S+", text):
        raise ValueError("where a secret is kept, such as env:NAME or file:PATH")
    return text


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    """As in ``OTEL_EXPORTER_OTLP_HEADERS`` (https://opentelemetry.io/docs/specs/otel/protocol/exporter/)."""
    found = []
    for part in text.split(","):
        name, equals, value = (unquote(word).strip() for word in part.partition("="))
        if not equals or not _HEADER_NAME.fullmatch(name) or not value.isprintable() or not value.isascii():
            raise ValueError("headers such as name=value,other=value")
        found.append((name, value))
    return tuple(found)


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return text.lower() == "true"


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("the path of a directory")
    return Path(text)


_SETTINGS = {
    "data": _Setting("AVER_DATA", _path),
    "database_url": _Setting(
        "AVER_DATABASE_URL",
        _url("postgresql://user:password@host/database", "postgres", "postgresql", "postgresql+psycopg"),
        secret=True,
    ),
    "redis_url": _Setting("AVER_REDIS_URL", _url("redis://127.0.0.1:6379/0", "redis", "rediss"), secret=True),
    "index_engine": _Setting("AVER_INDEX_ENGINE", _one_of("lancedb", "pgvector")),
    "host": _Setting("AVER_HOST", _word),
    "port": _Setting("AVER_PORT", _whole(0, 65535)),
    "max_file_mb": _Setting("AVER_MAX_FILE_MB", _whole(1, 4096)),
    "reserve_mb": _Setting("AVER_RESERVE_MB", _whole(0, 65536)),
    "keep_originals": _Setting("AVER_KEEP_ORIGINALS", _switch),
    "max_request_mb": _Setting("AVER_MAX_REQUEST_MB", _whole(1, 4096)),
    "bundle": _Setting("AVER_BUNDLE", _path),
    "region": _Setting("AVER_REGION", _word),
    "environment": _Setting("AVER_ENVIRONMENT", _word),
    "reranker": _Setting("AVER_RERANKER", _word),
    "max_question_chars": _Setting("AVER_MAX_QUESTION_CHARS", _whole(1, 1_000_000)),
    "parser.seconds": _Setting("AVER_PARSER_SECONDS", _whole(1, 86_400)),
    "parser.memory_mb": _Setting("AVER_PARSER_MEMORY_MB", _whole(512, 2**20)),
    "parser.processes": _Setting("AVER_PARSER_PROCESSES", _whole(1, 256)),
    "telemetry.endpoint": _Setting(
        "AVER_TELEMETRY_ENDPOINT", _url("http://127.0.0.1:4318", "http", "https"), secret=True
    ),
    "telemetry.protocol": _Setting("AVER_TELEMETRY_PROTOCOL", _one_of("protobuf", "json")),
    "telemetry.headers": _Setting("AVER_TELEMETRY_HEADERS", _headers, secret=True),
    "telemetry.signals": _Setting("AVER_TELEMETRY_SIGNALS", _some_of("traces", "metrics", "logs")),
    "telemetry.sample": _Setting("AVER_TELEMETRY_SAMPLE", _share),
    "telemetry.wishes": _Setting("AVER_TELEMETRY_WISHES", _whole(0, 1_000_000)),
    "telemetry.interval": _Setting("AVER_TELEMETRY_INTERVAL", _seconds),
    "telemetry.conventions": _Setting("AVER_TELEMETRY_CONVENTIONS", _one_of("1.41.1", "1.36.0", "openinference")),
    "telemetry.service": _Setting("AVER_TELEMETRY_SERVICE", _word),
    "anchors.every": _Setting("AVER_ANCHORS_EVERY", _seconds),
    "anchors.file": _Setting("AVER_ANCHORS_FILE", _path),
    "anchors.s3.bucket": _Setting("AVER_ANCHORS_S3_BUCKET", _word),
    "anchors.s3.endpoint": _Setting(
        "AVER_ANCHORS_S3_ENDPOINT", _url("https://s3.eu-west-1.amazonaws.com", "http", "https")
    ),
    "anchors.s3.region": _Setting("AVER_ANCHORS_S3_REGION", _word),
    "anchors.s3.prefix": _Setting("AVER_ANCHORS_S3_PREFIX", _word),
    "anchors.s3.days": _Setting("AVER_ANCHORS_S3_DAYS", _whole(1, 36_500)),
    "anchors.s3.mode": _Setting("AVER_ANCHORS_S3_MODE", _one_of("COMPLIANCE", "GOVERNANCE")),
    "anchors.s3.key_id": _Setting("AVER_ANCHORS_S3_KEY_ID", _reference),
    "anchors.s3.secret_key": _Setting("AVER_ANCHORS_S3_SECRET_KEY", _reference),
    "anchors.timestamp.url": _Setting("AVER_ANCHORS_TIMESTAMP_URL", _url("https://tsa.example.org", "http", "https")),
    "anchors.timestamp.roots": _Setting("AVER_ANCHORS_TIMESTAMP_ROOTS", _path),
    "anchors.witness.url": _Setting("AVER_ANCHORS_WITNESS_URL", _url("https://witness.example.org", "http", "https")),
    "anchors.witness.key": _Setting("AVER_ANCHORS_WITNESS_KEY", _digest),
    "model.base_url": _Setting("AVER_MODEL_BASE_URL", _url("http://127.0.0.1:11434/v1", "http", "https")),
    "model.name": _Setting("AVER_MODEL", _word),
    "model.key": _Setting("AVER_MODEL_KEY", _word, secret=True),
    "model.input_usd_per_million": _Setting("AVER_MODEL_INPUT_USD_PER_MILLION", _price),
    "model.output_usd_per_million": _Setting("AVER_MODEL_OUTPUT_USD_PER_MILLION", _price),
    "model.timeouts.connect": _Setting("AVER_MODEL_TIMEOUT_CONNECT", _seconds),
    "model.timeouts.first_token": _Setting("AVER_MODEL_TIMEOUT_FIRST_TOKEN", _seconds),
    "model.timeouts.stall": _Setting("AVER_MODEL_TIMEOUT_STALL", _seconds),
    "model.timeouts.total": _Setting("AVER_MODEL_TIMEOUT_TOTAL", _seconds),
}


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _within(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The values directly under ``prefix``, by the rest of their names."""
    inner = {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
    return {name: value for name, value in inner.items() if "." not in name}


def _of_file(section: YamlValue, prefix: str = "") -> dict[str, _Given]:
    given: dict[str, _Given] = {}
    if not section.is_null:
        words = {name.removeprefix(prefix).partition(".")[0] for name in _SETTINGS if name.startswith(prefix)}
        for word, value in section.fields(words).items():
            name = prefix + word
            if name not in _SETTINGS:
                given |= _of_file(value, f"{name}.")
            elif not value.is_null:
                given[name] = _Given(value.text(), f"{value.name}:{value.line}")
    return given


def _of_environment(environment: Mapping[str, str]) -> dict[str, _Given]:
    names = {setting.variable: name for name, setting in _SETTINGS.items()}
    given: dict[str, _Given] = {}
    for variable, text in environment.items():
        if variable in names and text:
            given[names[variable]] = _Given(text, variable)
        elif variable.startswith("AVER_") and variable not in names:
            # Other programs may have variables of this prefix; one that is nearly a setting is a slip of the pen.
            close = get_close_matches(variable, names, n=2, cutoff=0.8)
            if close:
                raise SettingsError(f"{variable}: there is no such setting", f"Did you mean {' or '.join(close)}?")
    return given


def _of_flags(flags: Mapping[str, object]) -> dict[str, _Given]:
    return {
        name: _Given(str(value), "--" + name.replace(".", "-").replace("_", "-"))
        for name, value in flags.items()
        if value is not None
    }
