"""``aver ask``: a question, its answer, and where each sentence comes from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, Groups, TenantName, UserName, check_text
from aver.server.cli.output import console, indented, print_json, printable
from aver.server.cli.progress import spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from aver.agents.types import Answer, Citation, Sentence

__all__ = ["ask"]

_MODES = {
    "extractive": "extractive (sentences quoted from the documents, no language model)",
    "generated": "generated",
}


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    conversation: Annotated[
        str | None, typer.Option(metavar="ID", help="Continue this conversation; a new one begins without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question as a user; every sentence of the answer is verified against documents the user may read."""
    check_text("question", question)
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        with spinner("reading", quiet=as_json):
            turn = services.assistant.ask(services.principal(user, group), question, conversation)
            answer = asyncio.run(application.finishing(turn))
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def _print(answer: Answer) -> None:
    from rich.text import Text

    from aver.agents.types import remarks

    out = console()
    if answer.abstained:
        out.print(Text(printable(answer.answer), "yellow"))
        if answer.looked_at:
            out.print("\nLooked at, and found no answer in:")
        for place in answer.looked_at:
            section = f" \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} {place.section}" if place.section else ""
            out.print(Text(f"  - {printable(place.title + section)}, version {place.version}"))
    else:
        out.print(Text(" ").join(map(_sentence, answer.sentences)))
    for remark in remarks(answer):
        out.print(Text(printable(remark), "yellow"))
    for number, citation in enumerate(answer.citations, start=1):
        out.print()
        out.print(_source(number, citation))
        quote = f"\N{LEFT DOUBLE QUOTATION MARK}{printable(citation.quote)}\N{RIGHT DOUBLE QUOTATION MARK}"
        out.print(Text(indented(quote, out.width), "italic"))
    out.print()
    out.print(Text(" \N{MIDDLE DOT} ".join(_outcome(answer)), "dim"))
    out.print(Text(f"evidence {answer.turn} \N{MIDDLE DOT} conversation {answer.conversation}", "dim"))


def _sentence(sentence: Sentence) -> Text:
    from rich.text import Text

    text = printable(sentence.text)
    if not sentence.supported:
        return Text.assemble((text, "underline yellow"), (" (not found in the sources)", "yellow"))
    markers = "".join(f"[{position + 1}]" for position in sentence.citations)
    return Text.assemble(text, (markers, "cyan"))


def _source(number: int, citation: Citation) -> Text:
    from rich.text import Text

    place = f", version {citation.version}, characters {citation.start}-{citation.end}"
    return Text.assemble(
        (f"[{number}] ", "cyan"), (printable(citation.title), "bold"), place, (f"  {printable(citation.uri)}", "dim")
    )


def _outcome(answer: Answer) -> Iterator[str]:
    """What there is to know about the answer, each in a few words."""
    if answer.abstained:
        yield "no answer given"
    else:
        supported = sum(sentence.supported for sentence in answer.sentences)
        yield f"{supported} of {len(answer.sentences)} sentences supported"
    yield _MODES[answer.mode]
    yield f"{answer.latency_ms / 1000:.2f} s"
    cost = answer.usage.cost_usd
    yield "cost unknown" if cost is None else f"${cost:.4f}" if cost else "$0"
