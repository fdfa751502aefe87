"""``aver gateway feedback``: say how good an answer was, or many at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from aver.core.errors import InvalidInput, NotFound
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, print_json, printable
from aver.server.cli.session import Session

__all__ = ["feedback", "lines"]


def feedback(
    context: typer.Context,
    tenant: TenantName,
    call: Annotated[
        str | None,
        typer.Argument(metavar="CALL", help="The id of a call (its X-Request-Id) or of an assistant's turn."),
    ] = None,
    score: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="SCORE", help="From 0, useless, to 1, right.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help='JSON lines: {"call", "score"}, instead of CALL and --score.')
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Record how good the answer to a call was; of several words on one call, the last counts.

    It is a step of evidence beside the call, under the asking person's key. Routers learn from it: aver gateway train --tenant.
    """
    from aver.gateway.feedback import give_feedback, give_feedback_on_all

    if (file is None) == (call is None) or (call is None) != (score is None):
        raise InvalidInput("Expected CALL and --score, or --file", "Give one of the two.")
    scores = [*_read(file)] if file is not None else []
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.outbox.settle()
        unknown: list[str] = []
        if call is not None and score is not None:
            give_feedback(services.store, services.ledger, call, score)
            scores = [(call, score)]
        else:
            unknown = give_feedback_on_all(services.store, services.ledger, scores)
    if as_json:
        print_json({"recorded": len(scores) - len(unknown), "unknown": unknown})
        return
    out = console()
    out.print(f"recorded feedback on {len(scores) - len(unknown):,} calls")
    for each in unknown:
        out.print(f"- {printable(each)}: there is no such call, or its person was erased", markup=False)


def _read(file: Path) -> Iterator[tuple[str, float]]:
    for place, line in lines(file):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict) or value.keys() != {"call", "score"} or not isinstance(value["call"], str):
            raise InvalidInput(f"{place}: expected an object with call and score", 'Write {"call": ..., "score": ...}.')
        score = value["score"]
        if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
            raise InvalidInput(f"{place}: the score is no number from 0 to 1", "Give one, such as 0.5.")
        yield value["call"], float(score)


def lines(file: Path) -> Iterator[tuple[str, str]]:
    """The lines of a file that are not empty, each after where it stands."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{str(file)!r} is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{file}:{number}", line
