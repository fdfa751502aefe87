"""``aver gateway train``: learn from outcomes which prompts the cheaper models do well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, NotFound, SettingsError
from aver.core.yaml import nearest
from aver.server.cli.gateway.bundle import BundleOption, located
from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable, table
from aver.server.cli.progress import spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.gateway.routing.estimation import Interval
    from aver.gateway.routing.learned import Example, LearnedModel

__all__ = ["train"]

_FIELDS = {"text", "success", "cost", "propensity"}


def train(
    context: typer.Context,
    examples: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help='JSON lines: {"text", "success": {MODEL: 0 to 1}, "cost": {MODEL: number}}, and "propensity" where not all models were asked.',
        ),
    ],
    route: Annotated[str, typer.Option(metavar="ROUTE", help="The route of the bundle that is to learn.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the trained router goes: a file in the bundle.")],
    bundle: BundleOption = None,
    target: Annotated[
        float, typer.Option(min=0.5, max=1, help="The share of the best single model's success to keep.")
    ] = 0.97,
    seed: Annotated[int, typer.Option(min=0, help="Of the parts that prompts are divided into.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a route's router from prompts whose outcomes are known, and say whether it is better than one model for all.

    Every figure is of prompts it had not seen, with its 95 % interval. Where choosing is not worth it, the router always takes the best model.
    """
    from aver.gateway.routing.learned import train as learn
    from aver.gateway.routing.learned_file import save

    found = [*_read(examples)]
    _check_models(context, bundle, route, found)
    with Session.of(context).application() as application, spinner("training", quiet=as_json):
        model = learn(found, application.embedder, seed, target)
    try:
        digest = save(model, out)
    except OSError as error:
        raise InvalidInput(f"{str(out)!r} cannot be written: {error.strerror}", "Choose another file.") from None
    if as_json:
        print_json({"file": out, "digest": digest, "route": route, **_document(model)})
    else:
        _print(model, route, out)


def _read(file: Path) -> Iterator[Example]:
    from aver.gateway.routing.learned import Example

    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InvalidInput(f"{str(file)!r} is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            value = _object(line, f"{file}:{number}")
            yield Example(value["text"], value["success"], value.get("cost", {}), value.get("propensity", {}))


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


def _check_models(context: typer.Context, bundle: Path | None, route: str, examples: list[Example]) -> None:
    """The router is for this route: its examples are about models that the route can ask."""
    from aver.gateway.config.graph import models_of
    from aver.gateway.config.read import read_bundle

    file = located(context, bundle)
    config = read_bundle(file)
    if route not in config.routes:
        raise SettingsError(
            f"{file} has no route {route!r}", nearest(route, config.routes) if config.routes else "Add it."
        )
    models = models_of(config.routes, [arm.target for arm in config.routes[route].arms])
    unknown = {name for example in examples for name in example.success} - {*models}
    if unknown:
        raise InvalidInput(f"The route {route!r} cannot ask {min(unknown)!r}", nearest(min(unknown), models))


def _print(model: LearnedModel, route: str, out: Path) -> None:
    found, estimate = console(), model.estimate
    rows = [
        (name, f"{cost:g}", f"{estimate.single[name]:.3f}", f"{estimate.chosen[name]:.1%}")
        for name, cost in zip(model.models, model.costs, strict=True)
    ]
    table(("model", "cost", "success alone", "would be asked"), rows)
    share, gain = _interval(estimate.share, ".1%"), _interval(estimate.gain, "+.4f")
    best = printable(estimate.best)
    found.print(f"\nkept of {best}'s success: {share}, at {estimate.cost:.1%} of its cost", markup=False)
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
