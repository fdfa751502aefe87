"""``aver governance``: what a tenant declares to keep and for how long, how it labels it, what people agree to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import NotFound, SettingsError
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, table
from aver.server.cli.people import at_this_machine
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.governance.declaration import Declaration

__all__ = ["app"]

app = typer.Typer(
    help="Governance: what is kept for how long, how it is labelled and where it may go, what people agree to."
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file; docs/governance.md describes it.")]


@app.command()
def declare(context: typer.Context, file: File, tenant: TenantName, as_json: AsJson = False) -> None:
    """Declare retention, labels, region and rules of use, in place of what was declared. Example: aver governance declare governance.yaml -t acme"""
    declaration = _parsed(file)
    with Session.of(context).application() as application:
        application.tenant(tenant).governance.declare(declaration, at_this_machine())
    if as_json:
        print_json(declaration.plain())
    else:
        sys.stdout.write(f"declared for {tenant}: {file}\n")


@app.command()
def show(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Print what is declared, and what that keeps for how long."""
    from aver.governance.declaration import CLASSES

    with Session.of(context).application() as application:
        declaration = application.tenant(tenant).governance.declaration()
    if as_json:
        print_json(declaration.plain())
        return
    kept = declaration.retention
    rows = [(each, f"{kept[each].days} days" if each in kept else "for ever", CLASSES[each]) for each in CLASSES]
    table(("class", "kept", "what it is"), [*rows, ("facts", "for ever", "facts of evidence, which hold no content")])
    sys.stdout.write(f"region: {declaration.region or 'any'}; everything: {declaration.label}\n")
    if declaration.classification:
        rules = [(rule.source or "any", rule.match, str(rule.label)) for rule in declaration.classification]
        table(("source", "documents", "label"), rules)
    terms = declaration.terms
    sys.stdout.write(f"rules of use: {f'version {terms.digest[:12]}' if terms else 'none'}\n")


@app.command()
def check(context: typer.Context, file: File, tenant: TenantName, as_json: AsJson = False) -> None:
    """Say what a file would change, and declare nothing: which labels which documents would have, and which models may be given them."""
    declaration = _parsed(file)
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        counted = services.governance.labelled(declaration)
        models = [
            (name, application.declared().providers[model.provider], model.region)
            for name, model in application.declared().models.items()
        ]
        found = [
            {
                "label": str(label),
                "documents": documents,
                "models": [name for name, by, region in models if not label.refuses(by.clearance, region or by.region)],
            }
            for label, documents in counted
        ]
    if as_json:
        print_json({"labels": found})
    else:
        rows = [(each["label"], each["documents"], _named(each["models"])) for each in found]
        table(("label", "documents", "models that may be given them"), rows)


def _named(models: object) -> str:
    return ", ".join(models) if isinstance(models, list) and models else "the extractive one alone"


def _parsed(file: Path) -> Declaration:
    from aver.governance.declaration import Declaration

    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}", "Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}:1: cannot be read ({type(error).__name__})", "Save it as UTF-8 text.") from None
    return Declaration.parse(text, str(file))
