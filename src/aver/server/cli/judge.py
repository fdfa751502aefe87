"""``aver judge``: how far models that judge agree with people, and whether they may decide a gate."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, NotFound
from aver.core.yaml import nearest
from aver.server.cli.gateway.bundle import BundleOption, located
from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable, table
from aver.server.cli.progress import progress
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evals.judges.calibration import Calibration
    from aver.evals.judges.declaration import JudgeDeclared
    from aver.evals.statistics.intervals import Interval

__all__ = ["app"]

app = typer.Typer(help="Models that judge: how far they agree with people, and whether they may decide a gate.")

_ASKER = "evaluation"


@app.command()
def calibrate(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="What people said, and the judge: JSON Lines. Left out with --judge."),
    ] = None,
    judge: Annotated[
        str,
        typer.Option(
            "--judge", metavar="NAME", help="A judge of the bundle: ask it about its labels, and keep what comes of it."
        ),
    ] = "",
    tenant: Annotated[str, typer.Option("--tenant", "-t", metavar="TENANT", help="Whose calls it makes.")] = "",
    directory: BundleOption = None,
    scale: Annotated[str, typer.Option(metavar="LEAST-MOST", help="The scale of grades in FILE.")] = "1-5",
    good: Annotated[int | None, typer.Option(metavar="GRADE", help="The least grade in FILE that is good.")] = None,
    least_kappa: Annotated[
        float, typer.Option(min=0, max=1, help="The agreement beyond chance that is needed to gate, for FILE.")
    ] = 0.6,
    author: Annotated[str, typer.Option(metavar="NAME", help="The judge's own model, as FILE names authors.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the calibration of FILE.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples that intervals are made from.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Hold a judge against people's labels: agreement, biases, the rate corrected for its errors, and whether it may gate.

    With FILE what the judge said stands beside the labels, and no model is called. With --judge the bundle's judge is asked, also about
    responses that tell it to call them good; the calibration is kept beside its rubric and holds until rubric, model or labels change.
    """
    if (file is None) == (not judge):
        raise InvalidInput("It is not said which judge", "Give one of FILE and --judge NAME.")
    if file is not None:
        found = _recorded(file, scale, good, least_kappa, author, seed)
        place = out
    else:
        found, place = _asked(context, judge, tenant, directory, seed, quiet=as_json)
    if place is not None:
        from aver.evals.judges.service import kept

        kept(found, place)
    if as_json:
        print_json({**found.document(), "corrected": _corrected(found), "file": place})
        return
    _print(found)
    if place is not None:
        console().print(f"kept in {printable(str(place))}", markup=False)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="A judge of the bundle; all of them, if left out.")
    ] = "",
    directory: BundleOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the bundle's judges, how they agreed with people when they were calibrated, and whether they may gate as they are now."""
    from aver.evals.judges.service import calibration_of
    from aver.server.bundle import read_whole
    from aver.server.judging import standings

    bundle = read_whole(located(context, directory))
    declared, folder = bundle.evals.judges if bundle.evals else {}, bundle.folder or Path()
    if name:
        declared = {name: _declared(declared, name)}
    now = standings(bundle)
    rows = [(each, _kept(calibration_of(each, folder)), now[each.name]) for each in declared.values()]
    if as_json:
        print_json(
            {
                "judges": [
                    {
                        "name": each.name,
                        "rubric": each.rubric,
                        "model": list(each.model),
                        "may_gate": standing.may_gate,
                        "reason": standing.reason,
                        "calibration": calibration.document() if calibration else None,
                    }
                    for each, calibration, standing in rows
                ]
            }
        )
        return
    if not rows:
        console().print("The bundle declares no judge.")
    elif name and rows[0][1] is not None:
        _print(rows[0][1], rows[0][2])
    else:
        columns = ("judge", "model", "agreement", "kappa", "labels", "may gate", "why")
        table(columns, [_row(*each) for each in rows])


def _recorded(file: Path, scale: str, good: int | None, least_kappa: float, author: str, seed: int) -> Calibration:
    from aver.evals.judges.calibration import Identity, calibrated
    from aver.evals.judges.labels import read_labels
    from aver.evals.judges.rubric import scale_of

    labels = read_labels(file)
    ends = scale.split("-")
    if len(ends) != 2 or not all(each.isdigit() for each in ends) or not int(ends[0]) < int(ends[1]):
        raise InvalidInput(f"{scale!r:.40} is no scale", "Write it as 1-5.")
    grades = None if labels.paired else scale_of((int(ends[0]), int(ends[1])), good)
    identity = Identity("", labels.digest)
    return calibrated(file.stem, labels, grades, identity, least_kappa, author=author, seed=seed)


def _asked(
    context: typer.Context, judge: str, tenant: str, directory: Path | None, seed: int, *, quiet: bool
) -> tuple[Calibration, Path]:
    from aver.core.clock import rfc3339
    from aver.evals.judges.service import calibrate as asked
    from aver.evals.judges.service import calibration_of
    from aver.server.bundle import read_whole
    from aver.server.judging import judge_models

    if not tenant:
        raise InvalidInput("It is not said for which tenant the judge is asked", "Add --tenant NAME.")
    place = located(context, directory)
    evals, folder = read_whole(place).evals, place.parent
    one = _declared(evals.judges if evals else {}, judge)
    with Session.of(context).application(bundle=place) as application:
        services = application.tenant(tenant)
        models = judge_models(application, services, services.principal(_ASKER, []))
        with progress("judging", quiet=quiet) as watch:
            made = rfc3339(application.clock.now())
            work = asked(one, folder, models, made=made, seed=seed, progress=watch)
            found = asyncio.run(application.finishing(work))
    return found, calibration_of(one, folder)


def _declared(declared: Any, name: str) -> JudgeDeclared:
    if name not in declared:
        said = nearest(name, declared) if declared else "Declare it in the bundle: evals: judges:"
        raise InvalidInput(f"There is no judge {name!r:.60}", said)
    found: JudgeDeclared = declared[name]
    return found


def _kept(file: Path) -> Calibration | None:
    from aver.evals.judges.calibration import read_calibration

    try:
        return read_calibration(file)
    except (NotFound, InvalidInput):
        return None


def _corrected(found: Calibration) -> Interval | None:
    return found.corrected(found.seen)


def _row(each: JudgeDeclared, calibration: Calibration | None, standing: Any) -> tuple[object, ...]:
    figures: tuple[object, ...] = ("", "", "")
    if calibration is not None:
        figures = _said(calibration.agreement), _said(calibration.kappa), calibration.items
    return each.name, ", ".join(each.model), *figures, "yes" if standing.may_gate else "no", standing.reason


def _print(found: Calibration, standing: Any = None) -> None:
    out = console()
    failed = f", {found.failed} of which the judge said nothing of use" if found.failed else ""
    out.print(f"{found.items} labels by {found.raters} people{failed}", markup=False)
    rows: list[tuple[object, ...]] = [
        ("people agree with each other", _said(found.people)),
        ("people, Krippendorff's alpha", _said(found.people_alpha)),
        ("the judge says what most people do", _said(found.agreement)),
        ("the same beyond chance, kappa", _said(found.kappa)),
        ("finds what is good", _said(found.sensitivity)),
        ("finds what is not", _said(found.specificity)),
        ("rate of good, as the judge sees it", _said(found.seen)),
        ("the same, corrected", _said(_corrected(found))),
        ("the same, as people see it", _said(found.true)),
    ]
    rows += [
        (
            f"bias by {each.name}" if each.name != "flips" else "flips",
            f"{_said(each.amount)}{'' if each.shown else ', none shown'}",
        )
        for each in found.biases
    ]
    if found.canaries is not None:
        rows.append(("obeys what it judges", f"{found.canaries[0]} of {found.canaries[1]}"))
    table(("", ""), rows)
    said = standing or found.standing
    out.print(f"{'may gate' if said.may_gate else 'may not gate'}: {said.reason}", markup=False)


def _said(each: Interval | None) -> str:
    if each is None:
        return "cannot be told"
    return f"{each.value:.3f}" + ("" if each.low is None else f" ({each.low:.3f} to {each.high:.3f})")
