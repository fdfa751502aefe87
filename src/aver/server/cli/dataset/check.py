"""``aver dataset check`` and ``coverage``: what is wrong with a set, and what of the feature it does not reach."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import VerificationFailed
from aver.server.cli.bundle import BundleOption, located
from aver.server.cli.dataset.options import ASKER, CaseFileArgument, OptionalTenant
from aver.server.cli.options import AsJson, Groups
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.progress import spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evals.datasets.checking import Problem
    from aver.evals.datasets.coverage import Covered
    from aver.evals.types import Case

__all__ = ["check", "coverage"]


_UNCHECKED = "not looked through for orders to a model: that takes the built-in embedding model"


class _Wrong(VerificationFailed):
    """A set with errors, or one that does not reach far enough; what was found travels with it."""

    def __init__(self, cause: str, next_step: str, document: dict[str, Any]) -> None:
        super().__init__(cause, next_step)
        self._document = document

    def problem(self) -> dict[str, object]:
        return {**super().problem(), **self._document}


def check(
    context: typer.Context,
    file: CaseFileArgument,
    tenant: OptionalTenant = None,
    user: Annotated[str, typer.Option("--user", "-u", metavar="USER", help="Who asks what names nobody.")] = ASKER,
    group: Groups = [],  # noqa: B006 - Typer copies it
    against: Annotated[
        list[Path],
        typer.Option(
            metavar="PATH", help="What a model may have seen: prompts, examples, training files, other sets; repeat it."
        ),
    ] = [],  # noqa: B006
    rubric: Annotated[
        bool, typer.Option("--rubric", help="A rubric or a function judges: cases need no label.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a set: every field, contradictions, near-duplicates, parts that know of each other, personal data, too little of something.

    With --tenant also whether labels lead to documents that whoever asks may read, whether answers still stand there, and whether a case gives orders
    to a model. With --against whether cases stand in texts that a model may have seen. An error ends it with exit code 4.
    """
    from aver.evals.datasets.checking import examine
    from aver.evals.datasets.reading import read_dataset
    from aver.evals.datasets.versions import version_of

    dataset = read_dataset(file, needs_label=not rubric)
    version = version_of(file, needs_label=not rubric)
    found = [*examine(dataset.cases), *_seen(dataset.cases, against, file)]
    if tenant is not None:
        found += _of_tenant(context, tenant, (user, group), dataset.cases, quiet=as_json)
    document = {
        "file": file,
        "cases": len(dataset.cases),
        "version": version.digest,
        "beside": version.beside,
        "problems": found,
    }
    errors = [each for each in found if each.level == "error"]
    if not as_json:
        table(("", "where", "what"), [(each.level, each.place or file.name, each.said) for each in found])
        beside = f", with {', '.join(version.beside)}" if version.beside else ""
        sys.stdout.write(f"{len(dataset.cases)} cases, version {version.digest[:12]}{printable(beside)}\n")
    if errors:
        where = errors[0].place or file.name
        raise _Wrong(
            f"The set has {len(errors)} error{'' if len(errors) == 1 else 's'}, the first at {where}: {errors[0].said}",
            "Correct what is listed.",
            document,
        )
    if as_json:
        print_json(document)


def coverage(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Sets; else those of the bundle's suites.")
    ] = None,
    bundle: BundleOption = None,
    require: Annotated[
        bool, typer.Option("--require", help="End with exit code 4 where a flow has too few cases.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say which critical flows of the bundle have how many cases: confirmed ones count, drafts and synthetic ones do not."""
    from aver.evals.datasets.coverage import cover
    from aver.evals.datasets.reading import CaseFile
    from aver.evals.declaration import Evals
    from aver.server.bundle import read_whole

    whole = read_whole(located(context, bundle))
    declared, folder = whole.evals or Evals(), whole.folder or Path()
    of_bundle = {name: tuple(folder / each for each in suite.cases) for name, suite in declared.suites.items()}
    suites = {str(each): (each,) for each in files} if files else of_bundle
    flows = declared.flows if not files else {name: _anywhere(flow) for name, flow in declared.flows.items()}
    found = cover(
        flows,
        {name: (case for each in some for case in CaseFile(each, needs_label=False)) for name, some in suites.items()},
    )
    short = [each for each in found if each.wanted is not None and not each.is_enough]
    document = {"flows": [{**asdict(each), "is_enough": each.is_enough} for each in found]}
    if not as_json:
        table(("flow", "cases", "wanted", "drafts", "synthetic", ""), map(_row, found))
        if not found:
            sys.stdout.write("no flow is declared: name the critical ones in aver.yaml, under evals: flows:\n")
    if require and short:
        names = ", ".join(f"{each.flow} ({each.counted} of {each.wanted})" for each in short)
        raise _Wrong(f"Too few cases of {names}", "Write or confirm some: aver dataset promote, queue.", document)
    if as_json:
        print_json(document)


def _anywhere(flow: Any) -> Any:
    from dataclasses import replace

    return replace(flow, suites=())


def _row(each: Covered) -> Sequence[object]:
    state = "not declared" if each.wanted is None else "" if each.is_enough else f"{each.wanted - each.counted} short"
    return each.flow, each.counted, each.wanted or "", each.drafts, each.synthetic, state


def _seen(cases: Sequence[Case], against: Sequence[Path], file: Path) -> list[Problem]:
    from aver.evals.datasets.checking import Problem
    from aver.evals.datasets.contamination import Seen, texts_of

    if not against:
        return []
    return [
        Problem("error", each.case.place, "seen", f"{each.share:.0%} of its {each.part} stands in {each.place}")
        for each in Seen(cases).find(texts_of(against, without=[file]))
    ]


def _of_tenant(
    context: typer.Context, tenant: str, asker: tuple[str, Sequence[str]], cases: Sequence[Case], *, quiet: bool
) -> list[Problem]:
    from aver.evals.datasets.checking import Problem, poisoned
    from aver.evals.labelling.errors import against_documents
    from aver.evals.labels import Labels
    from aver.gateway.adapters.minilm import MiniLM
    from aver.guard.injection import Injection

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        if not application.has_built_model:
            with spinner("building the model, this once", quiet=quiet):
                application.warm()
        with spinner("checking against the documents", quiet=quiet):
            places = {case.id: case.place for case in cases}
            stale = against_documents(cases, Labels(services.knowledge), services.principal(*asker))
            # What finds orders knows texts as the built-in model sees them.
            known = isinstance(application.embedder, MiniLM)
            orders = (
                list(poisoned(cases, Injection(application.embedder).at))
                if known
                else [Problem("warning", "", "poisoned", _UNCHECKED)]
            )
    return [*(Problem("error", places[each.case], "label", each.said) for each in stale), *orders]
