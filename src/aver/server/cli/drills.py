"""``aver drill``: break something on purpose, and see how soon it is seen and contained."""

from __future__ import annotations

import getpass
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aver.core.settings import Settings
    from aver.ops.drills.types import Drill, Scenario

__all__ = ["app"]

app = typer.Typer(help="Game days: break something on purpose, and see how soon it is seen and contained.")

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Which: aver drill list.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them, one after the other.")]
By = Annotated[str, typer.Option("--user", metavar="NAME", help="Who drills; whoever runs the command, if left out.")]


@app.callback(invoke_without_command=True)
def drill(context: typer.Context, everything: Everything = False, as_json: AsJson = False) -> None:
    """Without a command, with ``--all``: run every drill on a copy, as ``aver drill run --all`` does."""
    if context.invoked_subcommand is not None:
        return
    if everything:
        _run(context, _chosen([], everything=True), as_json=as_json, by="")
    else:
        sys.stdout.write(context.get_help() + "\n")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List what can be drilled."""
    from aver.ops.drills.scenarios import SCENARIOS

    if as_json:
        rows = [
            {
                "name": each.name,
                "title": each.title,
                "fault": each.fault,
                "expected": each.expected,
                "rules": each.rules,
                "in_place": each.in_place,
                "takes_copy": each.takes_copy or None,
            }
            for each in SCENARIOS.values()
        ]
        print_json({"drills": rows})
        return
    table(
        ("drill", "what happens", "what Aver does of itself", "in place"),
        [(each.name, each.fault, each.expected, _where(each)) for each in SCENARIOS.values()],
    )


@app.command()
def run(
    context: typer.Context,
    names: Names = None,
    everything: Everything = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Do it to the installation itself, while it is served: its users see it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="That this is meant.")] = False,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Where the installation is served, for --in-place.")
    ] = "http://127.0.0.1:8420",
    question: Annotated[
        str, typer.Option("--ask", metavar="TEXT", help="What is asked again and again, for --in-place.")
    ] = "What is there to know?",
    of: Annotated[
        str,
        typer.Option(
            "--of",
            metavar="NAME",
            help="The provider, or the source, it is about, for --in-place; the first, if left out.",
        ),
    ] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Run drills on a copy of the data, served beside the installation, and put them on record.

    The copy has a tenant of its own with documents, load and two fake providers; nothing of the installation is touched but that its tenants' evidence says what was drilled.
    Exit code 4 unless each was seen within 30 seconds of its first effect and contained within 60 more, with nothing lost, leaked or wrong.

    With --in-place, AVER_API_KEY is a key of the tenant that is drilled, of an owner; aver drill list says which can be. What is asked is asked with a key of its own that can
    do nothing else. All of it is taken back at the end, or by the server within seconds should this command be killed. For stale-source, ask what the source answers.

    Example: aver drill run database-loss disk-full
    """
    chosen = _chosen(names or [], everything=everything)
    if in_place:
        _run_in_place(context, chosen, url, question, of, everything=everything, yes=yes, as_json=as_json, by=by)
    else:
        _run(context, chosen, as_json=as_json, by=by)


@app.command()
def history(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Show what was drilled, from evidence, and how the figures change."""
    from aver.ops.drills.history import past, trends

    with Session.of(context).application() as application:
        found = past(application.tenant(tenant).ledger)
    if as_json:
        print_json({"drills": found, "trends": trends(found)})
        return
    if not found:
        sys.stdout.write("nothing was drilled yet: aver drill run --all\n")
        return
    rows = [
        (
            f"{each.at:%Y-%m-%d %H:%M}",
            each.name,
            "passed" if each.passed else "failed",
            _s(each.mttd_s),
            _s(each.mttm_s),
            each.lost,
        )
        for each in found
    ]
    table(("at (UTC)", "drill", "", "MTTD", "MTTM", "lost"), rows)
    sys.stdout.write("\n")
    changes = [
        (
            each.name,
            f"{each.passed} of {each.drills}",
            _s(each.mttd_s),
            _change(each.mttd_change_s),
            _s(each.mttm_s),
            _change(each.mttm_change_s),
        )
        for each in trends(found)
    ]
    table(("drill", "passed", "last MTTD", "", "last MTTM", ""), changes)


@app.command()
def tabletop(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which: aver drill list.")], as_json: AsJson = False
) -> None:
    """Print a scenario for people: roles, what is told at which minute, and what to talk about.

    Example: aver drill tabletop database-loss > tabletop.md
    """
    from aver.ops.drills.scenarios import scenario
    from aver.ops.drills.scenarios import tabletop as told

    found = scenario(name)
    if as_json:
        print_json(found)
    else:
        sys.stdout.write(told(found))


@app.command()
def soak(
    context: typer.Context,
    hours: Annotated[float, typer.Option("--hours", min=0.01, max=48, metavar="N", help="How long.")] = 2.0,
    simulated: Annotated[
        bool,
        typer.Option(
            "--simulated",
            help="Traffic that is made up, with a clock that runs as fast as it can, in place of a server and real time.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """See whether anything is told while nothing is wrong; exit code 4 if so.

    Example: aver drill soak --hours 2 --simulated
    """
    from aver.core.errors import VerificationFailed

    told, answers = _soaked(context, hours, simulated=simulated, quiet=as_json)
    found = {"hours": hours, "simulated": simulated, "answers": answers, "alarms": [each.rule for each in told]}
    if as_json:
        print_json(found)
    else:
        sys.stdout.write(f"{hours:g} hours, {answers:,} answers, {len(told)} false alarms\n")
        sys.stdout.writelines(f"  {rule}: {count}\n" for rule, count in Counter(each.rule for each in told).items())
    if told:
        if as_json:
            raise typer.Exit(VerificationFailed.exit_code)
        raise VerificationFailed("Alarms were raised while nothing was wrong", "Look at what they say above.")


def _soaked(context: typer.Context, hours: float, *, simulated: bool, quiet: bool) -> tuple[Sequence[Any], int]:
    from aver.server.drills.running import drilling

    with drilling(_settings(context), _teller(quiet=quiet)) as ready:
        if simulated:
            return ready.simulate(hours * 3600)
        told, samples = ready.soak(hours * 3600)
    return told, len(samples)


def _chosen(names: Iterable[str], *, everything: bool) -> list[Scenario]:
    from aver.core.errors import InvalidInput
    from aver.ops.drills.scenarios import SCENARIOS, scenario

    found = [scenario(name) for name in dict.fromkeys(names)]
    if everything == bool(found):
        raise InvalidInput("Which drills are to be run?", "Name them, or write --all: aver drill list.")
    return list(SCENARIOS.values()) if everything else found


def _run_in_place(
    context: typer.Context,
    chosen: Sequence[Scenario],
    url: str,
    question: str,
    of: str,
    *,
    everything: bool,
    yes: bool,
    as_json: bool,
    by: str,
) -> None:
    from aver.core.errors import InvalidInput
    from aver.server.drills.in_place import drill_in_place
    from aver.server.drills.recording import record

    key = os.environ.get("AVER_API_KEY", "")
    if not yes or not key:
        raise InvalidInput(
            "A drill in place breaks the installation on purpose, and its users see it",
            "Set AVER_API_KEY to a key of an owner and add --yes, or leave --in-place out to drill a copy.",
        )
    session = Session.of(context)
    copies = [] if everything else [each for each in chosen if not each.in_place]
    if copies:  # before anything is done
        raise InvalidInput(f"{copies[0].name} takes a copy: {copies[0].takes_copy}", "Leave --in-place out.")
    done: list[Drill] = []
    for scenario in chosen:
        try:
            drill = drill_in_place(session.application, url, key, scenario, question, _say, of=of)
        except InvalidInput as error:
            if not everything:
                raise
            _say(f"{scenario.name} was left out: {error.cause}")
            continue
        with session.application() as application:
            record(application, drill, by or getpass.getuser())
        done.append(drill)
    _show(done, as_json=as_json)


def _run(context: typer.Context, chosen: Sequence[Scenario], *, as_json: bool, by: str) -> None:
    from aver.server.drills.recording import record
    from aver.server.drills.running import drilling

    done: list[Drill] = []
    with (
        Session.of(context).application() as application,
        drilling(application.settings, _teller(quiet=as_json)) as ready,
    ):
        for scenario in chosen:
            drill = ready.run(scenario)
            record(application, drill, by or getpass.getuser())
            done.append(drill)
    _show(done, as_json=as_json)


def _show(done: Sequence[Drill], *, as_json: bool) -> None:
    from aver.core.errors import VerificationFailed

    if as_json:
        print_json({"drills": [each.record() for each in done]})
    else:
        rows = [
            (
                each.name,
                "passed" if each.passed else "FAILED",
                _s(each.mttd_s),
                _s(each.mttm_s),
                each.lost,
                _shares(each),
                ", ".join(each.done) or "-",
            )
            for each in done
        ]
        table(("drill", "", "MTTD", "MTTM", "lost", "what users saw", "done of itself"), rows)
        for each in done:
            sys.stdout.writelines(f"{each.name}: {printable(note)}\n" for note in each.notes)
    if not all(each.passed for each in done):
        if as_json:
            raise typer.Exit(VerificationFailed.exit_code)
        raise VerificationFailed("Not every drill passed", "Look at the table above, and at docs/drills.md.")


def _where(scenario: Scenario) -> str:
    return "yes" if scenario.in_place else f"no: {scenario.takes_copy}"


def _settings(context: typer.Context) -> Settings:
    with Session.of(context).application() as application:
        return application.settings


def _teller(*, quiet: bool) -> Callable[[str], None]:
    """Progress goes to standard error, where people watch it."""
    return _nothing if quiet and not sys.stderr.isatty() else _say


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _nothing(_: str) -> None:
    return


def _shares(drill: Drill) -> str:
    return ", ".join(f"{share * 100:.3g} % {verdict}" for verdict, share in drill.shares.items() if share)


def _s(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _change(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:+.1f} s"
