"""What differs in what two releases declare, section by section: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aver.releases.diffing.changes import NOTHING, Change, Kind, lines_between, named, settings, shown
from aver.releases.types import Manifest

__all__ = ["declared_changes", "lines"]

_ALIKE = {"passages": "k"}
"""Settings by the word that the field has for them."""
_TEXTS = frozenset({"instructions"})
_NOT_HERE = frozenset({"feature", "budgets", "guardrails", "tools", "models", "routes", "providers", "agents"})


def declared_changes(before: Manifest, after: Manifest) -> Iterator[Change]:
    """In the order in which people ask: what answers, how, with what, within which bounds; then all else."""
    old, new = before.declared, after.declared
    yield from _assistant(before, after)
    yield from _models(old.get("models", {}), new.get("models", {}))
    yield from _each("route", old.get("routes", {}), new.get("routes", {}))
    yield from _each("provider", old.get("providers", {}), new.get("providers", {}), about="kind")
    yield from _each("agent", old.get("agents", {}), new.get("agents", {}), about="about")
    yield from _tools(before, after)
    yield from _guardrails(old.get("guardrails", {}), new.get("guardrails", {}))
    yield from _budgets(old.get("budgets", []), new.get("budgets", []))
    for section in sorted({*old, *new} - _NOT_HERE):
        was, now = old.get(section, NOTHING), new.get(section, NOTHING)
        empty = (
            {} if isinstance(was, Mapping) or isinstance(now, Mapping) else NOTHING
        )  # of a whole section each field is told
        ends = (empty if was is NOTHING else was, empty if now is NOTHING else now)
        yield from settings(section, "", *ends, prefix=section)
    if before.software != after.software:
        text = f"software Aver {before.software} → {after.software}"
        yield Change("software", "aver", "changed", text, before.software, after.software)


def _assistant(before: Manifest, after: Manifest) -> Iterator[Change]:
    old, new = dict(before.assistant), dict(after.assistant)
    if not (old and new):  # one of the two was frozen without an assistant: what is declared is what is known
        old = {"model": before.declared.get("feature", {}).get("model")}
        new = {"model": after.declared.get("feature", {}).get("model")}
    for name in [*old, *(each for each in new if each not in old)]:
        if name == "software":
            continue
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if name in _TEXTS:
            yield _text("assistant", name, str(was or ""), str(now or ""), name)
        elif isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from settings("assistant", name, was, now, prefix=name)
        else:
            word = _ALIKE.get(name, name)
            yield Change("assistant", name, "changed", f"{word} {shown(was)} → {shown(now)}", was, now)


def _text(part: str, name: str, before: str, after: str, subject: str) -> Change:
    count = lines_between(before.splitlines(), after.splitlines())
    return Change(part, name, "changed", f"{subject}: {lines(count)}", before, after)


def lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _models(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for each in named("model", before, after, about="id"):
        if isinstance(each, Change):
            yield each
            continue
        name, old, new = each
        was, now = old.get("id", name), new.get("id", name)
        if was != now:
            yield Change("model", name, "changed", f"model {name}: {was} → {now}", was, now)
        yield from settings("model", name, _without(old, "id"), _without(new, "id"))


def _each(part: str, before: Mapping[str, Any], after: Mapping[str, Any], *, about: str = "") -> Iterator[Change]:
    for each in named(part, before, after, about=about):
        if isinstance(each, Change):
            yield each
            continue
        name, old, new = each
        for field in sorted({*old, *new}):
            if field in _TEXTS and old.get(field) != new.get(field):
                subject = f"{part} {name}: {field}"
                yield _text(part, name, str(old.get(field, "")), str(new.get(field, "")), subject)
        kept = ({key: value for key, value in one.items() if key not in _TEXTS} for one in (old, new))
        yield from settings(part, name, *kept)


def _without(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in names}


def _budgets(before: Any, after: Any) -> Iterator[Change]:
    for each in named("budget", _budgets_by_name(before), _budgets_by_name(after), about="limit"):
        if isinstance(each, Change):
            yield each
            continue
        name, old, new = each
        if old.get("limit") != new.get("limit"):
            was, now = old.get("limit"), new.get("limit")
            yield Change("budget", name, "changed", f"budget {name}: {shown(was)} → {shown(now)}", was, now)
        yield from settings("budget", name, _without(old, "limit"), _without(new, "limit"))


def _budgets_by_name(budgets: Any) -> dict[str, Any]:
    """Those that have no name are known by whom they bound, and how often."""
    return {
        each.get("name") or " ".join(filter(None, ("per", each.get("per"), each.get("of"), each.get("period")))): each
        for each in budgets
    }


def _guardrails(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    yield from _each("check", before.get("checks", {}), after.get("checks", {}), about="kind")
    old, new = _places(before), _places(after)
    for key in [*old, *(each for each in new if each not in old)]:
        check, place = key
        subject = f"guardrail {check} ({place})"
        was, now = old.get(key), new.get(key)
        if was is None or now is None:
            mode = shown((was or now or {}).get("mode"))
            kind: Kind = "added" if was is None else "removed"
            yield Change("guardrail", check, kind, f"{subject}: {mode} {kind}", was, now)
            continue
        if was["mode"] != now["mode"]:
            text = f"{subject}: {was['mode']} → {now['mode']}"
            yield Change("guardrail", check, "changed", text, was["mode"], now["mode"])
        yield from settings("guardrail", check, _without(was, "mode"), _without(now, "mode"), prefix=subject)


def _places(guardrails: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By check and place, also a tenant's own and those of a profile."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    profiles = {f"profile {name}": places for name, places in guardrails.get("profiles", {}).items()}
    common = _without(guardrails, "checks", "tenants", "profiles")
    whose = {"": common, **guardrails.get("tenants", {}), **profiles}
    for tenant, places in whose.items():
        for place, checks in places.items():
            for check, said in checks.items():
                where = f"{place}, {tenant}" if tenant else place
                found[check, where] = {"mode": said} if isinstance(said, str) else dict(said)
    return found


def _tools(before: Manifest, after: Manifest) -> Iterator[Change]:
    for each in named("tool", before.tools, after.tools, about="origin"):
        if isinstance(each, Change):
            yield each
        else:
            yield from _tool(*each)
    old, new = _origins(before.declared), _origins(after.declared)
    for each in named("tools", old, new):
        if isinstance(each, Change):
            yield each
            continue
        name, was, now = each
        for tool in named("tool", was.get("tools", {}), now.get("tools", {})):
            if isinstance(tool, Change):
                if tool.name not in before.tools and tool.name not in after.tools:
                    yield tool
            else:
                yield from settings("tool", *tool)
        yield from settings("tools", name, _without(was, "tools"), _without(now, "tools"))


def _origins(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{kind} {name}": each for kind, origins in declared.get("tools", {}).items() for name, each in origins.items()
    }


def _tool(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """What a tool is told to models to take: by argument."""
    old, new = before.get("parameters") or {}, after.get("parameters") or {}
    required = (set(old.get("required", ())), set(new.get("required", ())))
    for each in named("argument", old.get("properties", {}), new.get("properties", {})):
        if isinstance(each, Change):
            optional = "" if each.name in required[each.kind == "added"] else " (optional)"
            said = f"new argument {each.name}{optional}" if each.kind == "added" else f"argument {each.name} is gone"
            yield Change("tool", name, each.kind, f"tool {name}: {said}", each.before, each.after)
            continue
        argument, was, now = each
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from settings("tool", name, was, now, prefix=f"tool {name}: argument {argument}")
        else:
            yield Change("tool", name, "changed", f"tool {name}: argument {argument} is otherwise", was, now)
    both = {*old.get("properties", {})} & {*new.get("properties", {})}
    for argument in sorted((required[0] ^ required[1]) & both):
        now_required = argument in required[1]
        said = "is required now" if now_required else "is optional now"
        yield Change(
            "tool", name, "changed", f"tool {name}: argument {argument} {said}", not now_required, now_required
        )
    if before.get("description") != after.get("description"):
        was, now = (str(each.get("description") or "") for each in (before, after))
        yield _text("tool", name, was, now, f"tool {name}: what it says of itself")
    for field in ("origin", "returns"):
        yield from settings("tool", name, before.get(field), after.get(field), prefix=f"tool {name}: {field}")
    rest = ({key: value for key, value in one.items() if key not in ("properties", "required")} for one in (old, new))
    yield from settings("tool", name, *rest, prefix=f"tool {name}: arguments")
