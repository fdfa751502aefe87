"""``aver policy``: why a call was decided as it was, what cases expect, and what other policies would have decided."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, NotFound, VerificationFailed
from aver.server.cli.bundle import BundleOption, Offline, opened
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.policy import Action, Annotations, Policies

__all__ = ["app"]

app = typer.Typer(help="Policies: why a call was decided so, what is expected of them, what others would decide.")

_DAYS = 7


@app.command()
def explain(
    context: typer.Context,
    turn: Annotated[str, typer.Argument(metavar="TURN", help="A turn of an agent.")],
    step: Annotated[str, typer.Argument(metavar="STEP", help="A call in it, such as 2.1, or a record's number.")],
    tenant: TenantName,
    as_json: AsJson = False,
) -> None:
    """Say why a call was allowed, denied or asked about: the rules, and where each argument came from."""
    from aver.policy import action_from
    from aver.policy.replay import explain as explained

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        decided = [each for each in services.ledger.turn(turn) if each.kind == "decided" and each.body]
        found = next((each for each in decided if step in (each.facts["action"], str(each.seq))), None)
        if found is None or found.body is None:
            known = ", ".join(dict.fromkeys(each.facts["action"] for each in decided)) or "none"
            raise NotFound(f"No call {step!r:.40} was decided in this turn", f"Decided are: {known}.")
        now = explained(application.agents.policies.current, action_from(found.body["action"]))
        then = {"outcome": found.facts["outcome"], "reason": found.body["reason"]}
    if as_json:
        print_json({"decided": then, "now": now})
        return
    sys.stdout.write(f"decided then: {then['outcome']}: {printable(then['reason'])}\n")
    sys.stdout.writelines(f"{printable(line)}\n" for line in now.lines())


@app.command("test")
def cases(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Cases; those in policies/*.yaml, if left out.")
    ] = None,
    directory: BundleOption = None,
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Decide the cases that are written down; exit code 4 when one comes out otherwise than it expects."""
    from aver.server.checking import case_files, checked_cases

    bundle, policies, tools = _loaded(context, directory, offline=offline)
    found = [each for _, each in checked_cases(files or case_files(bundle), policies, tools)]
    failed = [each for each in found if not each.passed]
    rows = [
        {
            "case": each.case.name,
            "passed": each.passed,
            "expected": each.case.expect,
            "decided": each.explanation.decision,
        }
        for each in found
    ]
    if not as_json:
        for each in failed:
            sys.stdout.write(f"FAILED {printable(each.case.name)}: {each.case.expect} is expected\n")
            sys.stdout.writelines(f"  {printable(line)}\n" for line in each.explanation.lines())
        sys.stdout.write(f"{len(found) - len(failed)} of {len(found)} cases as expected\n")
    if failed:
        raise _Failed(f"{len(failed)} of {len(found)} cases came out otherwise", rows)
    if as_json:
        print_json({"cases": rows})


@app.command()
def diff(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Policies: a .cedar file, or a folder of such.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Others.")],
    on: Annotated[
        Path | None,
        typer.Option("--on", metavar="FILE", help="Evidence exported with content; a tenant's own, if left out."),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-t", metavar="TENANT", help="Whose, by name or id.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How far back the tenant's own evidence is looked at.")] = _DAYS,
    as_json: AsJson = False,
) -> None:
    """Show which calls that were decided would be decided otherwise by other policies. Nothing is called, and no model asked."""
    from aver.policy.replay import changes

    if (on is None) == (tenant is None):
        raise InvalidInput("It is not said of which evidence", "Give one of --on FILE and --tenant TENANT.")
    before, after = _policies(old), _policies(new)
    places, actions = _exported(on) if on is not None else _recorded(context, tenant or "", days)
    found = [(places[each.number], each) for each in changes(before, after, actions)]
    if as_json:
        changed = [
            {"turn": turn, "action": action, "tool": each.action.tool, "before": each.before, "after": each.after}
            for (turn, action), each in found
        ]
        print_json({"decided": len(actions), "changed": changed})
        return
    table(
        ("turn", "call", "tool", "before", "after", "why"),
        [
            (turn, action, each.action.tool, each.before.outcome, each.after.outcome, each.after.reason)
            for (turn, action), each in found
        ],
    )
    sys.stdout.write(f"{len(found)} of {len(actions)} decisions would change\n")


@app.command()
def check(
    context: typer.Context, directory: BundleOption = None, offline: Offline = False, as_json: AsJson = False
) -> None:
    """Look for rules that decide nothing, rules that allow everything, and tools that no rule allows; exit code 4 when there are any."""
    from aver.server.checking import analysed

    _, policies, tools = _loaded(context, directory, offline=offline)
    found = analysed(policies, tools)
    if not as_json:
        sys.stdout.writelines(f"{each.kind}: {printable(each.message)}\n" for each in found)
    if any(each.kind != "unreachable" for each in found):
        raise _Failed("A tool has no rule, or a rule allows everything", found)
    if as_json:
        print_json({"rules": len(policies.rules), "tools": sorted(tools), "findings": found})
    elif not found:
        sys.stdout.write(f"{len(policies.rules)} rules for {len(tools)} tools: nothing found\n")


class _Failed(VerificationFailed):
    """What was found travels with it."""

    def __init__(self, cause: str, found: Sequence[Any]) -> None:
        super().__init__(cause, "Correct the policies, or what is expected of them.")
        self._found = list(found)

    def problem(self) -> dict[str, object]:
        return {**super().problem(), "found": self._found}


def _loaded(
    context: typer.Context, directory: Path | None, *, offline: bool
) -> tuple[Any, Policies, Mapping[str, Annotations]]:
    from aver.policy import Policies
    from aver.server.checking import annotated, policy_files

    bundle, secrets = opened(context, directory)
    tools, _ = asyncio.run(annotated(bundle, secrets, offline=offline))
    return bundle, Policies.load(policy_files(bundle)), tools


def _policies(path: Path) -> Policies:
    """The standard library, with the policies of a file or a folder."""
    from aver.policy import Policies

    if not path.exists():
        raise NotFound(f"There are no policies at {str(path)!r}", "Check the path.")
    return Policies.load(sorted(path.glob("*.cedar")) if path.is_dir() else [path])


_Places = list[tuple[str, str]]


def _recorded(context: typer.Context, tenant: str, days: int) -> tuple[_Places, list[Action]]:
    """What was decided in a tenant's last days: the turn and the call of each, and what policy was asked."""
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        since = application.clock.now() - timedelta(days=days)
        decided = ((each.turn, each.facts, each.body) for each in services.ledger.of_kind("decided", since))
        return _apart(decided)


def _exported(file: Path) -> tuple[_Places, list[Action]]:
    """The same of a file, which is verified first."""
    from aver.evidence import verify_export

    verified = verify_export(file)
    if not verified.ok:
        raise VerificationFailed(f"{file} does not verify: {verified.reason}", "Export the evidence again.")
    with file.open("rb") as lines:
        return _apart(_steps(lines))


def _steps(lines: Any) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]]:
    for line in lines:
        value = json.loads(line)
        step = value.get("step")
        if step is not None and step["kind"] == "decided":
            yield step["turn"], json.loads(step["facts"]), value.get("disclosed", {}).get("body")


def _apart(
    decided: Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]],
) -> tuple[_Places, list[Action]]:
    """Decisions that were made again before an approved call are left out, and so is what was erased or not disclosed."""
    from aver.policy import action_from

    places: _Places = []
    actions = []
    for turn, facts, body in decided:
        if body and not facts["again"]:
            places.append((turn, facts["action"]))
            actions.append(action_from(body["action"]))
    return places, actions
