"""``aver controls``: what published frameworks ask for, and what evidence says of it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aver.core.errors import NotFound
from aver.server.cli.options import AsJson, Since, TenantName, Until
from aver.server.cli.output import indented, print_json, printable, table
from aver.server.cli.session import Session

__all__ = ["app", "names_of"]

app = typer.Typer(help="Controls of published frameworks, held against evidence.")

Frameworks = Annotated[
    str, typer.Option("--controls", metavar="NAMES", help="Frameworks, with commas between them; all, if left out.")
]
_WORDS = {"met": "met", "not_met": "NOT MET", "no_data": "no data"}


def names_of(text: str) -> list[str]:
    """What was typed with commas between."""
    return [each.strip() for each in text.split(",") if each.strip()]


@app.command("list")
def list_(frameworks: Frameworks = "", as_json: AsJson = False) -> None:
    """List frameworks and their controls."""
    from aver.governance.controls.reading import find, plain_frameworks

    found = find(names_of(frameworks))
    if as_json:
        print_json({"frameworks": plain_frameworks(found)})
        return
    for framework in found:
        sys.stdout.write(f"{framework.name}: {framework.title}, {framework.edition}\n")
        rows = [(each.id, each.title, ", ".join(ask.query for ask in each.queries)) for each in framework.controls]
        table(("control", "what", "queries"), rows)


@app.command()
def show(
    framework: Annotated[str, typer.Argument(metavar="FRAMEWORK", help="Such as owasp-llm.")],
    control: Annotated[str, typer.Argument(metavar="CONTROL", help="Its identifier, such as LLM01.")],
    as_json: AsJson = False,
) -> None:
    """Show what a control rests on, and what that cannot show."""
    from aver.governance.controls.reading import find

    found = next((each for each in find([framework])[0].controls if each.id.lower() == control.lower()), None)
    if found is None:
        raise NotFound(f"{framework} has no control {control[:40]!r}", "See which there are: aver controls list")
    if as_json:
        queries = [
            {"query": each.query, "params": each.params, "said": each.said, "cannot": each.cannot}
            for each in found.queries
        ]
        print_json(
            {
                "framework": framework,
                "control": found.id,
                "title": found.title,
                "queries": queries,
                "cannot": found.cannot,
            }
        )
        return
    sys.stdout.write(f"{found.id}: {found.title}\n")
    for each in found.queries:
        params = ", ".join(f"{name} {value}" for name, value in each.params.items())
        sys.stdout.write(f"  {each.query}{f' ({params})' if params else ''}\n")
        sys.stdout.write(indented(each.said, 100) + "\n" + indented(f"Not shown: {each.cannot}", 100) + "\n")
    if found.cannot:
        sys.stdout.write(f"Not shown by any: {found.cannot}\n")


@app.command()
def check(
    context: typer.Context,
    tenant: TenantName,
    frameworks: Frameworks = "",
    since: Since = "",
    until: Until = "",
    as_json: AsJson = False,
) -> None:
    """Hold controls against the evidence of a period, the last 90 days if none is given.

    Met says that evidence of it is there, not that an auditor would be content. Example: aver controls check --tenant acme --controls owasp-llm --since 30d
    """
    from aver.governance.controls.reading import find
    from aver.governance.controls.service import check as check_all
    from aver.server.governing import period_of

    found = find(names_of(frameworks))
    with Session.of(context).application() as application:
        begin, end = period_of(since, until, application.clock.now())
        results = check_all(application.tenant(tenant).store, found, begin, end)
    if as_json:
        print_json({"since": begin, "until": end, "results": results})
        return
    for framework in found:
        mine = [each for each in results if each["framework"] == framework.name]
        sys.stdout.write(f"{framework.title}, {framework.edition}\n")
        rows = [
            (each["control"], _WORDS[each["outcome"]], each["title"], "; ".join(one["said"] for one in each["results"]))
            for each in mine
        ]
        table(("control", "result", "what", "evidence"), rows)
    counts = [f"{sum(each['outcome'] == name for each in results):,} {word}" for name, word in _WORDS.items()]
    sys.stdout.write(printable(f"{', '.join(counts)}, from {begin:%Y-%m-%d} to {end:%Y-%m-%d}") + "\n")
