"""What a tenant declares of its checks, said once: reader, writer and schema follow it; and the guard that comes of it.

The section ``guardrails`` of ``aver.yaml``::

    checks:
      moderation: {kind: moderation, base_url: "https://api.openai.com/v1", model: omni-moderation-latest, credential: "env:OPENAI_API_KEY"}
    input: {personal: redact, secrets: block, moderation: {mode: block, deadline: 800ms, failing: pass}}
    output: {secrets: block, personal: {mode: flag, kinds: [US_SSN, IBAN_CODE], least: 0.8}}
    tenants:
      acme: {input: {personal: flag}}
    profiles:
      strict: {input: {injection: block}, output: {personal: block}}

A tenant's own line for a check in a place goes before the common one, and either before :data:`STANDARD`. A profile holds nowhere until somebody
tightens the guardrails to it: then each of its lines that is stricter than what held, or is of a check that was not there, holds as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeGuard, cast, get_args

from aver.core.canonical import canonical_json, sha256_hex
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue, nearest
from aver.gateway.config.shapes import Choice, Either, Field, ListOf, Made, MapOf, Record, Schema, Shape, keyed
from aver.gateway.config.words import CREDENTIAL, NAME, POSITIVE, SHARE, TEXT, URL, record
from aver.guard.builtin import QUICK
from aver.guard.detecting import Detecting, Narrowed
from aver.guard.judging import Guard, Rail
from aver.guard.kinds import KINDS, SHAPES, Configured
from aver.guard.types import Check, Detector, Failing, Mode, Place

__all__ = [
    "GUARDRAILS",
    "PROFILE",
    "STANDARD",
    "Declared",
    "Endpoint",
    "Guardrails",
    "Maker",
    "guard_of",
    "read_guardrails",
]

LEAST = 0.5
"""How sure a detector has to be, where nothing is declared."""
_LINKS = "exfiltration"
EndpointKind = Literal["moderation", "llama_guard", "classifier", "presidio", "guardrails_ai", "nemo"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A check that a server makes: OpenAI's moderations, a model of Llama Guard's kind behind chat completions, a classifier of
    PromptGuard's kind behind a text classification endpoint, or the servers of Presidio, Guardrails AI and NeMo Guardrails. ``credential`` is a
    reference, never a secret."""

    name: str
    kind: EndpointKind
    base_url: str
    model: str = ""
    config: str = ""
    """What a guard, or a configuration of rails, is called there."""
    credential: str = ""
    least: float = 0.5
    """From which score on something is found, where the server gives scores."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A check in one place. ``kinds`` and ``least`` narrow which of its findings count, where it says what it found; ``deadline`` is in
    seconds."""

    mode: Mode
    deadline: float = 1.0
    failing: Failing = "hold"
    kinds: tuple[str, ...] = ()
    least: float = LEAST


Places = Mapping[Place, Mapping[str, Declared]]
STANDARD: Places = {"output": {_LINKS: Declared("redact", deadline=10.0)}}
"""What holds where nothing else is declared of it: an answer that a client renders fetches and carries away nothing."""


@dataclass(frozen=True, slots=True)
class Guardrails:
    """Everything declared. ``tenants`` by name."""

    checks: Mapping[str, Endpoint | Configured] = field(default_factory=dict)
    """Beside those that come with Aver, by the names that places use."""
    places: Places = field(default_factory=dict)
    tenants: Mapping[str, Places] = field(default_factory=dict)
    profiles: Mapping[str, Places] = field(default_factory=dict)
    """Stricter ones to change to, by name."""

    def names(self) -> set[str]:
        """Of all checks that are declared for somebody; those of a profile are for nobody until it holds."""
        return {
            name for places in (self.places, *self.tenants.values()) for checks in places.values() for name in checks
        }

    def of(self, tenant: str) -> Places:
        """What holds for the tenant of this name: the common declarations, and its own before them."""
        own = self.tenants.get(tenant, {})
        return {
            place: {**self.places.get(place, {}), **own.get(place, {})}
            for place in get_args(Place)
            if place in self.places or place in own
        }

    def standard(self, tenant: str) -> Places:
        """What holds of :data:`STANDARD` for the tenant of this name: where links are declared to be checked, that alone counts."""
        declared = self.of(tenant)
        return {
            place: checks
            for place, checks in STANDARD.items()
            if not any(name in checks or self._checks_links(name) for name in declared.get(place, ()))
        }

    def tightened(self, tenant: str, held: Collection[str]) -> tuple[Places, Places]:
        """What holds for the tenant of this name, and of :data:`STANDARD`, while ``held`` are held stricter: names of checks, which block from now on, and
        profiles as ``profile:NAME``. A name that nothing has changes nothing."""
        declared = self.of(tenant)
        for name, profile in self.profiles.items():
            declared = _stricter(declared, profile) if f"{PROFILE}{name}" in held else declared
        return _stricter(declared, {}, *held), _stricter(self.standard(tenant), {}, *held)

    def _checks_links(self, name: str) -> bool:
        check = self.checks.get(name)
        return isinstance(check, Configured) and check.kind == "links"


PROFILE = "profile:"
"""What the name of a profile begins with where it could be that of a check."""
_STRICTNESS: tuple[Mode, ...] = ("observe", "flag", "redact", "block")


def _stricter(places: Places, profile: Places, *blocking: str) -> Places:
    found: dict[Place, dict[str, Declared]] = {place: dict(checks) for place, checks in places.items()}
    for place, checks in profile.items():
        for name, each in checks.items():
            before = found.setdefault(place, {}).get(name)
            if before is None or _STRICTNESS.index(each.mode) > _STRICTNESS.index(before.mode):
                found[place][name] = each
    for checks in found.values():
        checks |= {name: replace(each, mode="block") for name, each in checks.items() if name in blocking}
    return found


_MODE = Choice("mode", get_args(Mode))
_DECLARED = record(
    Declared,
    mode=Field(_MODE, "What follows when something is found.", required=True),
    deadline=Field(POSITIVE, "How long the check may take."),
    failing=Field(Choice("way with a check that fails", get_args(Failing)), "What follows when it cannot judge."),
    kinds=Field(ListOf(NAME, least=1), "Only findings of these kinds count."),
    least=Field(SHARE, "How sure a detector has to be."),
)
_SHORT = Made(_MODE, lambda mode: Declared(cast(Mode, mode)), lambda declared: declared.mode)
_CHECKS = MapOf(NAME, Either(_SHORT, _DECLARED, lambda declared: declared != Declared(declared.mode)))
_PLACES = {
    "input": Field(_CHECKS, "What a user wrote.", optional=True),
    "passage": Field(_CHECKS, "What was retrieved.", optional=True),
    "arguments": Field(_CHECKS, "What a tool is given.", optional=True),
    "result": Field(_CHECKS, "What a tool returned.", optional=True),
    "output": Field(_CHECKS, "What is answered.", optional=True),
}
_ENDPOINT = record(
    partial(Endpoint, ""),
    kind=Field(Choice("kind of check", get_args(EndpointKind)), "How the server is spoken to.", required=True),
    base_url=Field(URL, "Where the server is.", required=True),
    model=Field(TEXT, "The model's name there."),
    config=Field(NAME, "What a guard, or a configuration of rails, is called there."),
    credential=Field(CREDENTIAL, "Where its key is."),
    least=Field(SHARE, "From which score on something is found."),
)


class _Check:
    """A check of any kind, whose other fields are its kind's."""

    def read(self, value: YamlValue) -> Endpoint | Configured:
        kinds = [inner for name, inner in keyed(value) if name.text() == "kind"]
        if not kinds:
            raise value.error("'kind' is missing", f"Add it: kind: ... {nearest('', self._kinds())}")
        kind = kinds[0].text()
        if kind not in self._kinds():
            raise kinds[0].error(f"{kind[:60]!r} is no kind of check", nearest(kind, self._kinds()))
        shape: Shape[Any] = SHAPES.get(kind, _ENDPOINT)
        read: Endpoint | Configured = shape.read(value)
        return read

    def write(self, value: Endpoint | Configured) -> Any:
        return SHAPES[value.kind].write(value) if isinstance(value, Configured) else _ENDPOINT.write(value)

    def schema(self) -> Schema:
        rules = []
        for kind, shape in SHAPES.items():
            rules.append(shape.schema())
            rules[-1]["properties"]["kind"] = {"const": kind, "description": KINDS[kind].about}
        return {"oneOf": [_ENDPOINT.schema(), *rules]}

    @staticmethod
    def _kinds() -> tuple[str, ...]:
        return (*get_args(EndpointKind), *SHAPES)


def _tenant_places(**given: Any) -> Places:
    given.pop("name", None)
    return cast(Places, given)


def _guardrails(
    checks: Mapping[str, Endpoint | Configured] | None = None, tenants: Any = None, profiles: Any = None, **places: Any
) -> Guardrails:
    named = {
        name: replace(each, name=name) if isinstance(each, Endpoint) else each for name, each in (checks or {}).items()
    }
    return Guardrails(named, cast(Places, places), tenants or {}, profiles or {})


def _parts(declared: Guardrails) -> dict[str, Any]:
    given: dict[str, Any] = {
        "checks": declared.checks,
        "tenants": declared.tenants,
        "profiles": declared.profiles,
    }
    given |= {str(place): checks for place, checks in declared.places.items()}
    return {name: value for name, value in given.items() if value}


GUARDRAILS = Record(
    _guardrails,
    {
        "checks": Field(
            MapOf(NAME, _Check()), "Checks beside those that come with Aver, by the names used below.", optional=True
        ),
        **_PLACES,
        "tenants": Field(
            MapOf(NAME, Record(_tenant_places, _PLACES, dict)),
            "What is otherwise for a tenant, by name.",
            optional=True,
        ),
        "profiles": Field(
            MapOf(NAME, Record(_tenant_places, _PLACES, dict)),
            "Stricter ones that guardrails can be tightened to, by name.",
            optional=True,
        ),
    },
    _parts,
)

Maker = Callable[[], Detector | Check]
"""Gives a built-in check, the same one every time."""


def read_guardrails(section: YamlValue, known: Collection[str]) -> Guardrails:
    """The section ``guardrails`` of a bundle. ``known`` are the names of built-in checks.

    Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt, unknown or declared twice.
    """
    if section.is_null:
        return Guardrails()
    declared: Guardrails = GUARDRAILS.read(section)
    names = {*known, *declared.checks}
    for name, value in keyed(section):
        if name.text() == "checks":
            _refuse_taken(value, known)
        elif name.text() in ("tenants", "profiles"):
            for _, own in keyed(value):
                for _, checks in keyed(own):
                    _refuse_unknown(checks, names)
        else:
            _refuse_unknown(value, names)
    return declared


_NAMED = {"guardrails_ai": "config: NAME, with the name of the guard.", "nemo": "config: NAME, with its config_id."}


def _refuse_taken(checks: YamlValue, known: Collection[str]) -> None:
    if checks.is_null:
        return
    for name, value in keyed(checks):
        if name.text() in known:
            raise name.error(f"{name.text()!r} is a check of Aver's own", "Give this one another name.")
        fields = {field.text(): each for field, each in keyed(value)}
        if (kind := fields["kind"].text()) in _NAMED and "config" not in fields:
            raise name.error(f"{name.text()!r} does not say which of the server's own it is", f"Add it: {_NAMED[kind]}")


def _refuse_unknown(checks: YamlValue, names: set[str]) -> None:
    if checks.is_null:
        return
    for name, _ in keyed(checks):
        if name.text() not in names:
            raise name.error(f"{name.text()[:60]!r} is no check", nearest(name.text(), names))


def guard_of(
    declared: Guardrails,
    tenant: str,
    known: Mapping[str, Maker],
    endpoints: Mapping[str, Check] | None = None,
    held: Collection[str] = (),
) -> Guard:
    """The guard of the tenant of this name. ``endpoints`` are the checks that servers make, opened by whoever holds connections and
    secrets; ``held`` is what is held stricter, as :meth:`Guardrails.tightened` takes it.

    Raises :class:`~aver.core.errors.SettingsError` for a check that is neither, and what making one raises.
    """
    places, standard = declared.tightened(tenant, held)
    opened = dict(endpoints or {})

    def narrowed(check: Check, each: Declared) -> Check:
        # What a check that judges by itself finds is sure enough, unless somebody says otherwise.
        least = 0.0 if each.least == LEAST else each.least
        return Narrowed(check, least=least, kinds=each.kinds) if each.kinds or least else check

    def rail(name: str, each: Declared, *, quiet: bool = False) -> Rail:
        if name in opened:
            return Rail(narrowed(opened[name], each), each.mode, each.deadline, each.failing)
        if name not in known:
            raise SettingsError(f"{name[:60]!r} is no check", nearest(name, [*known, *opened]))
        one = known[name]()
        check = (
            narrowed(one, each)
            if _is_check(one)
            else Detecting(cast(Detector, one), least=each.least, kinds=each.kinds, quick=name in QUICK)
        )
        return Rail(check, each.mode, each.deadline, each.failing, quiet)

    rails = {place: [rail(name, each) for name, each in checks.items()] for place, checks in places.items()}
    for place, checks in standard.items():
        rails.setdefault(place, []).extend(rail(name, each, quiet=True) for name, each in checks.items())
    written = GUARDRAILS.write(Guardrails(declared.checks, places)) if any(places.values()) else None
    return Guard(rails, "" if written is None else sha256_hex(canonical_json(written)))


def _is_check(one: Detector | Check) -> TypeGuard[Check]:
    return hasattr(one, "check")
