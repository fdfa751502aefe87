"""``aver rollout shadow`` and ``calibration``: what a candidate would have answered, and what offline figures were worth."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.server.cli.options import AsJson, Environment, Groups, TenantName, UserName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.releases.online.escapes import Escape
    from aver.releases.rollout.shadow import Difference
    from aver.server.shadowed import Compared, Otherwise

__all__ = ["calibration", "shadow"]


def shadow(
    context: typer.Context,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    environment: Environment = "production",
    rollout: Annotated[
        str | None, typer.Option(metavar="ID", help="Of which rollout; the one under way or the last, if left out.")
    ] = None,
    count: Annotated[int, typer.Option(min=0, max=10_000, metavar="N", help="At most so many turns.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what the candidate would have answered otherwise: how its metrics differ over all of the tenant's turns that it answered unseen, and the answers to
    a user's own, the newest first."""
    from aver.server.rolling import desk
    from aver.server.shadowed import shadowed

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        chosen = rollout or desk(application).latest(environment).id
        found = shadowed(services, services.principal(user, group), chosen)
    otherwise = [each for each in found.own if not each.same]
    if as_json:
        print_json(_compared(found, otherwise[:count]))
        return
    sys.stdout.write(
        f"{printable(found.rollout)}: {found.pairs:,} turns of {printable(tenant)} were answered by the candidate too, {len(found.own):,} of "
        f"{printable(user)}, {len(otherwise):,} of these otherwise\n"
    )
    table(
        ("metric", "change", "from", "to", "turns"),
        [(each.metric, *(f"{end:+.4g}" for end in _told(each)), f"{each.n:,}") for each in found.differences],
    )
    for each in otherwise[:count]:
        sys.stdout.writelines(f"{printable(line)}\n" for line in _otherwise(each))


def calibration(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Show which offline measures foretell what releases come to in production, and which have stopped to."""
    from aver.server.rolling import held_against

    with Session.of(context).application() as application:
        past, found = held_against(application, tenant)
    if as_json:
        print_json({"correlations": found, "escapes": past.escapes, "releases": sorted(past.online)})
        return
    for each in found:
        sys.stdout.write(f"{printable(each.slice + ': ' if each.slice else '')}{printable(each.said)}\n")
    for escape in past.escapes:
        sys.stdout.writelines(f"{printable(line)}\n" for line in _escaped(escape))
    if not found:
        sys.stdout.write("no release has figures both from before and from after it met traffic\n")


def _compared(found: Compared, otherwise: Sequence[Otherwise]) -> dict[str, Any]:
    figures = [
        {"metric": each.metric, "turns": each.n, **dict(zip(_ENDS, _told(each), strict=True))}
        for each in found.differences
    ]
    return {
        "rollout": found.rollout,
        "turns": found.pairs,
        "own": len(found.own),
        "differences": figures,
        "otherwise": otherwise,
    }


_ENDS = ("change", "low", "high")


def _told(difference: Difference) -> tuple[float, float, float]:
    """As people say it: of shares a difference, of money, tokens and time a part of the given answer's."""
    from aver.releases.rollout.measures import MEASURES

    change = MEASURES[difference.metric].change
    return change(difference.value), change(difference.low), change(difference.high)


def _otherwise(each: Otherwise) -> Iterator[str]:
    yield f"{each.turn}  {' '.join(each.question.split())[:200]}"
    for who, words in (("given", each.given), (each.variant, each.shadow)):
        yield f"  {who}: {' '.join(words.split())[:1000] or '(no answer)'}"
    moved = [
        f"{name} {given:.4g} \N{RIGHTWARDS ARROW} {shadow:.4g}"
        for name, (given, shadow) in each.metrics.items()
        if given != shadow
    ]
    yield f"  {', '.join(moved)}" if moved else "  no metric differs"


def _escaped(escape: Escape) -> Iterator[str]:
    change = "" if escape.change is None else f" by {escape.change:+.3g}"
    gate = f", which the gate {escape.gate} had judged" if escape.gate else ""
    yield f"escaped: {escape.metric} of release {escape.release[:12]}{change}, in {escape.rollout}{gate} ({escape.gap})"
    yield from (f"  passed: {each}" for each in escape.passed)
    if escape.stopped:
        yield f"  stopped predicting: {escape.stopped}, of {escape.metric}"
    yield f"  {escape.todo}"
