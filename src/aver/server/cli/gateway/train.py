"""``aver gateway train``: learn from outcomes which prompts the cheaper models do well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, SettingsError
from aver.core.yaml import nearest
from aver.server.cli.gateway.bundle import BundleOption, located
from aver.server.cli.gateway.feedback import lines
from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable, table
from aver.server.cli.progress import spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.gateway.routing.estimation import Interval
    from aver.gateway.routing.learned import Example, LearnedModel
    from aver.gateway.routing.learned_evidence import Lesson
    from aver.server.application import Application

__all__ = ["train"]

_FIELDS = {"text", "success", "cost", "propensity"}
_DAY = ["%Y-%m-%d"]


def train(
    context: typer.Context,
    route: Annotated[str, typer.Option(metavar="ROUTE", help="The route of the bundle that is to learn.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the trained router goes: a file in the bundle.")],
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", "-t", metavar="TENANT", help="Learn from the calls of this tenant on the route."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=_DAY, metavar="DAY", help="Only from calls from this day of UTC on, as in 2026-01-31."),
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Learn from JSON lines instead: {"text", "success": {MODEL: 0 to 1}, "cost": {MODEL: number}}, and "propensity" where not all models were asked.',
        ),
    ] = None,
    bundle: BundleOption = None,
    target: Annotated[
        float, typer.Option(min=0.5, max=1, help="The share of the best single model's success to keep.")
    ] = 0.97,
    seed: Annotated[int, typer.Option(min=0, help="Of the parts that prompts are divided into.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a route's router from calls whose outcomes are known, and say whether it is better than one model for all.

    From evidence: of each call the route decided, what was seen of its prompt, who was asked with which chance, and how well it went:
    feedback on it, of an assistant's turn what was verified, of a cascade its checks.

    Every figure is of prompts it had not seen, with its 95 % interval. Where choosing is not worth it, the router always takes the best model.
    """
    from aver.gateway.routing.learned import train as learn
    from aver.gateway.routing.learned_file import save

    if (tenant is None) == (examples is None):
        raise InvalidInput("Expected --tenant or --examples", "Say what to learn from: one of the two.")
    models = _models(context, bundle, route)
    given = _given(examples, route, models) if examples is not None else []
    lesson: Lesson | None = None
    with Session.of(context).application() as application, spinner("training", quiet=as_json):
        if tenant is not None:
            lesson = _lesson(application, tenant, route, models, since)
            given = [*lesson.examples]
        model = learn(given, application.embedder, seed, target)
    try:
        digest = save(model, out)
    except OSError as error:
        raise InvalidInput(f"{str(out)!r} cannot be written: {error.strerror}", "Choose another file.") from None
    if as_json:
        source = {} if lesson is None else {"calls": lesson.calls, "left_out": lesson.left_out}
        print_json({"file": out, "digest": digest, "route": route, **source, **_document(model)})
    else:
        _print(model, route, out, lesson)


def _models(context: typer.Context, bundle: Path | None, route: str) -> tuple[str, ...]:
    """Those that the route can ask."""
    from aver.gateway.config.read import read_bundle
    from aver.gateway.routing.tree import grow

    file = located(context, bundle)
    config = read_bundle(file)
    if route not in config.routes:
        raise SettingsError(
            f"{file} has no route {route!r}", nearest(route, config.routes) if config.routes else "Add it."
        )
    return grow(config, config.routes[route]).reach


def _lesson(
    application: Application, tenant: str, route: str, models: tuple[str, ...], since: datetime | None
) -> Lesson:
    from aver.gateway.routing.learned_evidence import learned_from

    services = application.tenant(tenant)
    services.outbox.settle()
    begin = since.replace(tzinfo=UTC) if since is not None else None
    lesson = learned_from(services.ledger.of_kind, route, models, application.embedder, begin)
    if not lesson.examples:
        why = "; ".join(f"{count:,}: {reason}" for reason, count in lesson.left_out.items())
        raise InvalidInput(
            f"Nothing can be learned from {lesson.calls:,} calls on the route {route!r}" + (f" ({why})" if why else ""),
            "Give the route the strategy learned or experiment, and send feedback on its calls.",
        )
    return lesson


def _given(file: Path, route: str, models: tuple[str, ...]) -> list[Example]:
    from aver.gateway.routing.learned import Example

    found = []
    for place, line in lines(file):
        value = _object(line, place)
        unknown = value["success"].keys() - {*models}
        if unknown:
            raise InvalidInput(f"The route {route!r} cannot ask {min(unknown)!r}", nearest(min(unknown), models))
        found.append(Example(value["text"], value["success"], value.get("cost", {}), value.get("propensity", {})))
    return found


def _object(line: str, place: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        raise InvalidInput(f"{place}: this is no JSON", "Write one object a line.") from None
    if not isinstance(value, dict) or not isinstance(value.get("text"), str) or "success" not in value:
        raise InvalidInput(
            f"{place}: expected an object with text and success", 'Write {"text": ..., "success": {...}}.'
        )
    unknown = value.keys() - _FIELDS
    if unknown:
        raise InvalidInput(f"{place}: {min(unknown)!r} is not known here", nearest(min(unknown), _FIELDS))
    for name in ("success", "cost", "propensity"):
        numbers = value.get(name, {})
        if not isinstance(numbers, dict) or not all(_is_number(each, name) for each in numbers.values()):
            raise InvalidInput(f"{place}: {name} is not numbers by model", "Success and propensity are from 0 to 1.")
    return value


def _is_number(value: object, name: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= (1e12 if name == "cost" else 1)  # type: ignore[operator]


def _print(model: LearnedModel, route: str, out: Path, lesson: Lesson | None) -> None:
    found, estimate = console(), model.estimate
    if lesson is not None:
        found.print(f"learned from {len(lesson.examples):,} of {lesson.calls:,} calls on the route {printable(route)}")
        for reason, count in sorted(lesson.left_out.items()):
            found.print(f"- {count:,} left out: {reason}")
    rows = [
        (name, f"{cost:g}", f"{estimate.single[name]:.3f}", f"{estimate.chosen[name]:.1%}")
        for name, cost in zip(model.models, model.costs, strict=True)
    ]
    table(("model", "cost", "success alone", "would be asked"), rows)
    share, gain = _interval(estimate.share, ".1%"), _interval(estimate.gain, "+.4f")
    best = printable(estimate.best)
    found.print(f"\nsuccess when chosen by prompt: {_interval(estimate.success, '.3f')}", markup=False)
    found.print(f"kept of {best}'s success: {share}, at {estimate.cost:.1%} of its cost", markup=False)
    found.print(f"gained on drawing models at random at that cost: {gain}")
    meaning = {"better": "each prompt gets its model", "not better": f"{best} gets every prompt"}
    verdict = meaning.get(model.verdict) or f"{best} gets every prompt, because {model.why}"
    found.print(f"{model.verdict}: {printable(verdict)} (from {model.examples:,} examples)", style="bold", markup=False)
    found.print(f"\nwrote {printable(str(out))}; on the route {printable(route)} in aver.yaml, write:", markup=False)
    found.print(f"  strategy: learned\n  learned: {{model: {printable(out.name)}}}", markup=False)


def _document(model: LearnedModel) -> dict[str, Any]:
    names = ("models", "costs", "embedder", "examples", "target", "verdict", "why")
    estimate = asdict(model.estimate)
    estimate |= {name: getattr(model.estimate, name)._asdict() for name in ("success", "share", "gain")}
    return {**{name: getattr(model, name) for name in names}, "estimate": estimate}


def _interval(value: Interval, form: str) -> str:
    return f"{value.value:{form}} ({value.low:{form}} to {value.high:{form}})"
