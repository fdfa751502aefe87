"""What each drill in place does to an installation: its fault, what takes it back, what is asked meanwhile, and when users are spared."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.errors import InvalidInput, NotFound, Unavailable
from aver.core.principal import Principal, user_reader
from aver.core.yaml import nearest
from aver.knowledge.access import AccessList, AccessRule
from aver.knowledge.folder import FolderSource
from aver.server.drills.damage import fill, overwrite
from aver.server.drills.load import Answered, Kind
from aver.server.drills.undoing import Staged, Undo
from aver.server.drills.world import write_private

if TYPE_CHECKING:
    from aver.gateway.config.types import ProviderConfig
    from aver.server.application import Application

__all__ = ["Opened", "Placed", "placed"]

Opened = Callable[[], AbstractContextManager["Application"]]

_TEN_TIMES = 9.0
"""How many times the usual is added to how long an answer takes."""
_SLOW = 3.0
"""How many times the usual an answer takes that is slow to its user."""
_LONGEST = 300.0
"""Seconds of a source's schedule above which it would take too long until anybody is told."""
_ATTEMPTS = 5
_COPY = "Leave --in-place out to drill a copy."


@dataclass(frozen=True)
class Placed:
    """A drill in place, ready to begin. ``means`` says how the fault is brought about; ``act`` brings it about and ``undoes`` take it back; ``fault`` is what whoever serves
    does wrong, given the seconds that an answer usually takes; ``rates`` is what is asked beside questions; ``well`` says whether the fault does not reach the user of
    an answer, given the same; ``delay`` is after how many seconds there is an effect to be seen; ``everybody`` whether it reaches every tenant."""

    means: str
    act: Callable[[], None] = lambda: None
    undoes: tuple[Undo, ...] = ()
    fault: Callable[[float], Staged | None] = lambda _: None
    rates: Mapping[Kind, float] = field(default_factory=dict)
    well: Callable[[Answered, float], bool] = lambda each, _: each.status == 200
    delay: float = 0.0
    everybody: bool = False


@dataclass(frozen=True)
class _Here:
    """The installation that is drilled, and for whom."""

    application: Application
    opened: Opened
    principal: Principal
    of: str

    @property
    def folder(self) -> Path:
        return self.application.settings.data.absolute() / "tenants" / self.principal.tenant


def placed(name: str, application: Application, opened: Opened, principal: Principal, of: str) -> Placed:
    """The drill of this name, for the tenant of ``principal``. ``of`` names the provider or the source it is about; empty for the first. Raises
    :class:`~aver.core.errors.InvalidInput` and :class:`~aver.core.errors.NotFound` where it cannot be done in this installation."""
    return _PLACED[name](_Here(application, opened, principal, of))


def _database(here: _Here) -> Placed:
    if here.application.settings.database_url:
        raise InvalidInput("A server of Postgres is not Aver's to stop: others may live in it", _COPY)
    database, aside = here.folder / "tenant.db", here.folder / "tenant.db.drilled"

    def lose() -> None:
        aside.unlink(missing_ok=True)
        aside.hardlink_to(database)
        database.unlink()

    return Placed("the tenant's database file removed", lose, (Undo("file", str(database), str(aside)),))


def _index(here: _Here) -> Placed:
    if here.application.settings.index_engine != "lancedb":
        raise InvalidInput("The index is in Postgres, and whoever serves could not put it back from beside", _COPY)
    index, kept = here.folder / "index", here.folder / "index.drilled"

    def damage() -> None:
        shutil.rmtree(kept, ignore_errors=True)
        # The copy is whole before its name is: half of one is never put back.
        copying = kept.with_name("index.copying")
        shutil.rmtree(copying, ignore_errors=True)
        shutil.copytree(index, copying)
        copying.rename(kept)
        overwrite(index)

    return Placed("every file of the index overwritten with noise", damage, (Undo("tree", str(index), str(kept)),))


def _disk(here: _Here) -> Placed:
    filler = here.application.settings.data.absolute() / "drill.filler"
    undo = Undo("remove", str(filler))
    return Placed("the disk of the data filled to the last byte", lambda: fill(filler), (undo,), everybody=True)


def _first_provider(here: _Here) -> ProviderConfig:
    config = here.application.declared()
    if here.of:
        if here.of not in config.providers:
            raise NotFound(f"There is no provider {here.of[:60]!r}", nearest(here.of, config.providers))
        provider = config.providers[here.of]
    else:
        model = here.application.model
        while model in config.routes:
            model = config.routes[model].arms[0].target
        if model not in config.models:
            raise InvalidInput("The assistant asks no provider", f"Name one with --of. {_COPY}")
        provider = config.providers[config.models[model].provider]
    if not provider.base_url:
        raise InvalidInput(f"The provider {provider.name} is asked through a library of its own", _COPY)
    return provider


def _outage(here: _Here) -> Placed:
    provider = _first_provider(here)
    fault = Staged("outage", provider.base_url)
    return Placed(f"every request to the provider {provider.name} fails", fault=lambda _: fault, everybody=True)


def _slowness(here: _Here) -> Placed:
    provider = _first_provider(here)
    return Placed(
        f"every answer of the provider {provider.name} takes ten times as long",
        fault=lambda usual: Staged("slow", provider.base_url, seconds=round(usual * _TEN_TIMES, 3)),
        well=lambda each, usual: each.status == 200 and each.took < _SLOW * usual,
        everybody=True,
    )


def _injection(here: _Here) -> Placed:
    del here
    return Placed(
        "orders to give away the instructions, two a second, of whoever drills",
        rates={"attack": 2.0},
        well=lambda each, _: each.status == (400 if each.kind == "attack" else 200),
    )


def _source(here: _Here) -> Placed:
    of, tenant = here.of, here.principal.tenant
    known = {each.name: each for each in here.application.tenant(tenant).sources.states() if each.kind and each.every}
    if not known:
        raise InvalidInput("No source is followed by a schedule", f"Declare one: aver source declare. {_COPY}")
    if of and of not in known:
        raise NotFound(f"There is no source {of[:60]!r} with a schedule", nearest(of, known))
    found = known[of] if of else min(known.values(), key=lambda each: each.every)
    if found.every > _LONGEST:
        raise InvalidInput(
            f"The source {found.name} is followed every {found.every:,.0f} s, so it would be told only after half as long again",
            f"Name one with --of that is followed every {_LONGEST:,.0f} s or sooner. {_COPY}",
        )
    fault = Staged("source", found.name, tenant)
    return Placed(
        f"the source {found.name} cannot be read",
        fault=lambda _: fault,
        well=lambda each, _: bool(each.notices),
        delay=found.every,
    )


def _personal(here: _Here) -> Placed:
    opened, principal = here.opened, here.principal
    name = f"drill-{secrets.token_hex(4)}"
    readers = AccessList((AccessRule("**", (user_reader(principal.user),)),))

    def take_in() -> None:
        with tempfile.TemporaryDirectory(prefix="aver-drill-") as folder, opened() as application:
            write_private(Path(folder))
            knowledge = application.tenant(principal.tenant).knowledge
            for attempt in range(_ATTEMPTS):
                try:
                    knowledge.ingest(FolderSource(Path(folder), name), readers)
                    break
                except Unavailable:  # it is there, and what it replaced could not be cleaned up beside so many readers
                    if attempt + 1 == _ATTEMPTS:
                        raise

    return Placed(
        "a bank account of nobody taken in for whoever drills alone, and asked for once a second",
        take_in,
        (Undo("source", principal.tenant, name),),
        rates={"private": 1.0},
        well=lambda each, _: each.verdict not in ("leaked", "failed"),
    )


_PLACED: Mapping[str, Callable[[_Here], Placed]] = {
    "provider-outage": _outage,
    "slow-provider": _slowness,
    "injection-campaign": _injection,
    "personal-data": _personal,
    "index-corruption": _index,
    "stale-source": _source,
    "database-loss": _database,
    "disk-full": _disk,
}
"""By scenario: those that take no copy."""
