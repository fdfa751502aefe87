"""What a release lacks to be promoted: pure."""

from __future__ import annotations

from collections.abc import Sequence

from aver.releases.declaration import Stage
from aver.releases.types import GateRecord, Release, SignOff

__all__ = ["lacking"]


def lacking(
    stage: Stage,
    release: Release,
    *,
    sign_offs: Sequence[SignOff] = (),
    gates: Sequence[GateRecord] = (),
    was_in: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """What ``stage`` needs and the release does not have, each in a few words; nothing where it may be promoted.

    Of gates the last one counts. A release that needs sign-offs needs one by somebody other than who created it.
    """
    found = []
    if stage.after and stage.after not in was_in:
        found.append(f"it has never been in {stage.after}")
    if stage.gate:
        outcome = gates[-1].outcome if gates else None
        if outcome is None:
            found.append("no gate has judged it")
        elif outcome != "pass":
            found.append(f"its gate says {outcome}")
    given = {each.role for each in sign_offs}
    found += [f"nobody has signed it off as {role}" for role in stage.sign_offs if role not in given]
    people = {each.by for each in sign_offs if each.role in stage.sign_offs}
    if stage.sign_offs and people == {release.created_by}:
        found.append(f"only {release.created_by}, who created it, has signed it off")
    return tuple(found)
