"""What is done to a release that turned out to be bad. Environments are the installation's: it holds for every tenant."""

from __future__ import annotations

from collections.abc import Mapping

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.ops.mitigation.ports import Ports
from aver.ops.mitigation.types import Argument, Done, Kind, Prepared

__all__ = ["RELEASING"]


def _environment(ports: Ports, given: Mapping[str, str]) -> str:
    name = given.get("environment", "") or ports.environments.standard()
    if not name:
        raise InvalidInput("It is not said of which environment", "Write environment=NAME.")
    return name


def _roll_back(ports: Ports, given: Mapping[str, str]) -> Prepared:
    name = _environment(ports, given)
    was, to = ports.environments.state(name), given.get("to") or None
    if not (to or was.previous or was.rollout):
        raise NotFound(f"{name} has had one release alone", "Promote another: aver release promote.")
    where = to or ("the release in force, for everybody" if was.rollout else was.previous[:12])

    def take(by: str, reason: str) -> Done:
        now = ports.environments.roll_back(name, to, reason=reason, by=by)
        said = f"{name} is back at {now.release[:12]}"
        # A rollout that was ended is begun again by whoever wants it: nothing else was changed.
        return Done(said, "" if now.release == was.release else f"{name} {was.release} {now.release}")

    return Prepared(f"would point {name} back to {where}", take, undoable=not was.rollout)


def _forward(ports: Ports, token: str, by: str, reason: str) -> str:
    name, release, since = token.split(" ")
    if ports.environments.state(name).release != since:
        raise Conflict(f"{name} was promoted or rolled back since", "See: aver release environments.")
    ports.environments.promote(name, release, reason=reason, by=by)
    return f"{name} is at {release[:12]} again"


def _stop_rollout(ports: Ports, given: Mapping[str, str]) -> Prepared:
    name = _environment(ports, given)
    rollout = ports.environments.state(name).rollout
    if not rollout:
        raise NotFound(f"{name} has no rollout under way", "There is nothing to stop.")

    def take(by: str, reason: str) -> Done:
        ports.environments.stop_rollout(name, reason=reason, by=by)
        return Done(f"the rollout in {name} is ended: everybody gets the release in force")

    return Prepared(f"would end the rollout {rollout} in {name}", take, undoable=False)


_WHERE = Argument("Which environment; the one that is served, if left out.", required=False)
RELEASING: tuple[Kind, ...] = (
    Kind(
        "roll_back",
        "Point an environment back to the release before, or to one named. Undone, it is promoted again, which asks what a promotion asks.",
        "release",
        {"environment": _WHERE, "to": Argument("The release: a tag or a digest.", required=False)},
        _roll_back,
        _forward,
    ),
    Kind(
        "stop_rollout",
        "End a rollout: everybody gets the release in force. It cannot be undone, but begun again.",
        "release",
        {"environment": _WHERE},
        _stop_rollout,
    ),
)
