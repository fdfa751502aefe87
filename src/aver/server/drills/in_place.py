"""A drill of the installation itself, while it is served: loud, by an owner alone, and taken back whatever becomes of whoever drills."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from aver.core.errors import AverError, InvalidInput, Unavailable
from aver.evidence.clear import clear_turns
from aver.ops.drills.measuring import by_time, shares, spared
from aver.ops.drills.types import Drill, Scenario
from aver.policy.access import check
from aver.server.application import Application
from aver.server.drills.load import Load
from aver.server.drills.undoing import Undo, taking_back

__all__ = ["drill_in_place"]

_WARM, _LASTING, _PATIENCE, _LOOKS = 5.0, 5.0, 100.0, 0.5
"""Seconds: of load before the fault; for which users have to be spared; after which it is taken back; between looks."""
_CHUNK = 64 * 2**20

Opened = Callable[[], AbstractContextManager[Application]]


def drill_in_place(
    opened: Opened,
    url: str,
    key: str,
    scenario: Scenario,
    question: str,
    say: Callable[[str], None],
    *,
    warm: float = _WARM,
    lasting: float = _LASTING,
) -> Drill:
    """Drill the installation that is served at ``url``. ``opened`` opens its data, ``key`` is an API key of the tenant that is drilled, of somebody who has the
    permission ``own``; ``warm`` and ``lasting`` as of :func:`~aver.server.drills.running.drilling`. Raises :class:`~aver.core.errors.Forbidden` for anyone else, :class:`~aver.core.errors.InvalidInput` for a scenario that takes a copy,
    :class:`~aver.core.errors.Conflict` while another is under way, and :class:`~aver.core.errors.Unavailable` where the installation does not answer as it is."""
    if not scenario.in_place:
        raise InvalidInput(f"{scenario.name} takes a copy: it is about providers, or a clock", "Leave --in-place out.")
    with opened() as application:
        principal = application.store.authenticate(key).principal
        check(principal, "own")
        data, tenant = application.settings.data.absolute(), principal.tenant
    undo, fault = _fault(scenario.name, data, data / "tenants" / tenant)
    say(f"IN PLACE: {scenario.fault} This is the installation in {data}, and its users see it.")
    load = Load(url, key, {"ask": 2.0}, lambda each: each.status == 200, question=question)
    at = datetime.now(UTC)
    load.start()
    seen: float | None = None
    well: float | None = None
    try:
        while load.now() < warm or not load.samples:  # the first answer comes, or it is a failure
            time.sleep(_LOOKS)
        if any(not each.well for each in load.samples):
            raise Unavailable(f"{url} does not answer {question!r} as it is", "Look at it first; nothing was done.")
        with taking_back(data, [undo]):
            fault()
            since, began = load.now(), datetime.now(UTC)
            while load.now() < since + _PATIENCE:
                time.sleep(_LOOKS)
                if seen is None and _told(url, key, scenario, began):
                    seen = load.now()
                    say(f"told after {seen - since:.1f} s")
                well = spared(list(load.samples), since, load.now(), lasting)
                if seen is not None and well is not None:
                    break
    finally:
        load.stop()
        say("taken back")
    with opened() as application:
        lost, notes = _lost(application, tenant, {each.turn for each in load.samples if each.turn})
    return Drill(
        scenario.name,
        at,
        "in place",
        scenario.fault,
        None if seen is None else round(seen - since, 1),
        None if seen is None or well is None else round(max(well - seen, 0.0), 1),
        lost,
        0,
        0,
        len(load.samples),
        shares(load.samples, since),
        by_time(load.samples, since),
        notes=notes,
        spared_s=None if well is None else round(well - since, 1),
    )


def _fault(name: str, data: Path, tenant: Path) -> tuple[Undo, Callable[[], None]]:
    """What takes it back, and what does it."""
    if name == "database-loss":
        database, aside = tenant / "tenant.db", tenant / "tenant.db.drilled"

        def lose() -> None:
            aside.unlink(missing_ok=True)
            aside.hardlink_to(database)
            database.unlink()

        return Undo("file", str(database), str(aside)), lose
    if name == "index-corruption":
        index, kept = tenant / "index", tenant / "index.drilled"

        def damage() -> None:
            noise = random.Random(3)  # noqa: S311 - noise
            shutil.rmtree(kept, ignore_errors=True)
            # The copy is whole before its name is: half of one is never put back.
            copying = kept.with_name("index.copying")
            shutil.rmtree(copying, ignore_errors=True)
            shutil.copytree(index, copying)
            copying.rename(kept)
            for path in index.rglob("*"):
                with suppress(FileNotFoundError):
                    if path.is_file():
                        path.write_bytes(noise.randbytes(path.stat().st_size))

        return Undo("tree", str(index), str(kept)), damage
    if name == "disk-full":
        filler = data / "drill.filler"

        def fill() -> None:
            handle = os.open(filler, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                end, size = 0, _CHUNK
                while size >= 1:
                    try:
                        os.posix_fallocate(handle, end, size)
                        end += size
                    except OSError as error:
                        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                            raise
                        size //= 2
            finally:
                os.close(handle)

        return Undo("remove", str(filler)), fill
    raise InvalidInput(f"{name} takes a copy", "Leave --in-place out.")


def _told(url: str, key: str, scenario: Scenario, began: datetime) -> bool:
    """Whether an alert that tells of it has fired since, or what asks for readiness is told."""
    signals = {rule.removeprefix("health:") for rule in scenario.rules}
    if signals & set(_get(f"{url}/readyz", key).get("concerns") or ()):
        return True
    return any(
        datetime.fromisoformat(each["fired"]) >= began
        and any(fnmatchcase(each["rule"], rule) for rule in scenario.rules)
        for each in _get(f"{url}/v1/alerts", key).get("alerts") or ()
    )


def _get(url: str, key: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - the installation's own
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - as above
            found = json.load(response)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lost(application: Application, tenant: str, acknowledged: set[str]) -> tuple[int, tuple[str, ...]]:
    try:
        services = application.tenant(tenant)
        services.outbox.settle()
        verified = services.ledger.verify()
        missing = len(acknowledged - clear_turns(services.store, acknowledged).keys())
    except AverError as error:
        return len(acknowledged), (f"the evidence cannot be read: {error.cause}",)
    notes = [f"{missing} of {len(acknowledged)} acknowledged turns are not in evidence"] if missing else []
    notes += [] if verified.ok else [f"evidence does not verify: {verified.reason}"]
    return missing + (not verified.ok), tuple(notes)
