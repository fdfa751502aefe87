"""The releases at work in one process, and who gets which.

Without an environment there is one, the bundle as its directory is. With one (``AVER_ENVIRONMENT``) there are those that the environment
points to: the release in force, and while a rollout lasts its candidates. Which is whose is decided by
:func:`~aver.releases.rollout.assignment.assign`, from what every replica reads at most a second late.

Budgets are those of the release in force, whichever release a call goes by: they are promises about a tenant's money, of which a candidate
has no more for being tried. Its own hold from its promotion on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aver.agents.pin import UNPINNED, Pin
from aver.core.errors import AverError, SettingsError, Unavailable
from aver.core.principal import Principal
from aver.server.gateways import declared
from aver.server.once import once
from aver.server.pins import Pins
from aver.server.serving import Serving

if TYPE_CHECKING:
    from aver.agents import Released
    from aver.gateway.config.types import GatewayConfig
    from aver.releases.registry import Registry
    from aver.releases.types import Environment
    from aver.server.application import Application
    from aver.server.arms import Arms
    from aver.server.shadows import Shadowing

__all__ = ["Lent", "Servings"]

_AGAIN = 10.0
"""Seconds until a release that could not be opened is tried again."""
_log = logging.getLogger("aver.releases")


class Lent:
    """A release in the hands of one turn or call, open until it is given back on leaving the context."""

    __slots__ = ("_servings", "pin", "serving")

    def __init__(self, servings: Servings, serving: Serving, pin: Pin) -> None:
        serving.turns += 1
        self._servings = servings
        self.serving = serving
        self.pin = pin

    def __enter__(self) -> Lent:
        return self

    def __exit__(self, *_: object) -> None:
        self.serving.turns -= 1
        if not self.serving.turns:
            self._servings.left(self.serving)


class Servings:
    """One installation's in this process. Opened when first wanted, kept while it is pointed to or in somebody's hands. Lent within one event
    loop at a time, like the gateways."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._environment = application.settings.environment
        self._open: dict[str, Serving] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._failed: dict[str, tuple[float, AverError]] = {}
        self._known: Mapping[str, Environment] | None = None
        self._arms: Arms | None = None
        self._stable: Serving | None = None
        self._learning: asyncio.Task[Arms] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @once
    def followed(self) -> Serving:
        """The bundle as its directory is now."""
        application = self._application
        bundle = application.settings.bundle
        return Serving(application, declared(application.settings, application.clock), bundle)

    @once
    def shadows(self) -> Shadowing:
        """What candidates answer unseen."""
        from aver.server.shadows import Shadowing

        return Shadowing(self._application)

    @once
    def registry(self) -> Registry:
        from aver.server.releasing import registry

        return registry(self._application)

    @once
    def pins(self) -> Pins[Mapping[str, Environment]]:
        """What every environment points to."""
        return Pins(self.registry.pins)

    async def lend(self, principal: Principal, conversation: str = "") -> Lent:
        """The release that ``principal`` gets, in a conversation if it is part of one.

        One that cannot be opened is not served: the release in force takes its place, or where it is this one the release before. Raises
        :class:`~aver.core.errors.Unavailable` where there is none, and what keeps the last of them from being opened.
        """
        await self._application.switches.refresh()  # what is held tighter holds for this turn or call
        if not self._environment:
            return Lent(self, self.followed, UNPINNED)
        known = self.pins.fresh or await self.pins.current()
        arms = self._arms if known is self._known else await self._learn(known)
        assert arms is not None
        pin = arms.pin(principal, conversation)
        serving = self._open.get(pin.release)
        if serving is None:
            serving, pin = await self._instead(arms, pin)
        return Lent(self, serving, pin)

    async def lend_pinned(self, pin: Pin) -> Lent:
        """The very release that a turn was begun under: for one that goes on, also days later. Raises what keeps it from being opened."""
        await self._application.switches.refresh()
        if not pin.release:
            return Lent(self, self.followed, pin)
        if self._environment and self._stable is None:
            await self._learn(await self.pins.current())  # whose budgets hold for it too
        serving = self._open.get(pin.release)
        if serving is None:
            serving = await asyncio.to_thread(self._opened, pin.release)
        return Lent(self, serving, pin)

    @asynccontextmanager
    async def released(self, tenant: str, principal: Principal, conversation: str) -> AsyncIterator[Released]:
        """As :meth:`lend`, for a turn of the assistant for the tenant of this name."""
        with await self.lend(principal, conversation) as lent:
            rollout = self._arms.rollout if self._arms is not None else None
            watch = self.shadows.watch(rollout, lent.pin) if rollout is not None else None
            pin = await lent.serving.flagged(lent.pin, principal, conversation)
            yield lent.serving.released(tenant, pin, watch)

    def stable(self) -> Serving:
        """The release in force, or the bundle as it is: for what is no one's turn. Blocking; raises as :meth:`lend` does."""
        if not self._environment:
            return self.followed
        return self._stable_of(self._environment_in(self.pins.look()))

    def limits(self) -> GatewayConfig:
        """The configuration whose budgets hold, of every call."""
        serving = self._stable or self.stable()
        return serving.declared()

    def at_work(self) -> list[Serving]:
        """Those that are open, the one in force first."""
        if not self._environment:
            return [self.followed]
        return sorted(self._open.values(), key=lambda each: (each is not self._stable, each.digest))

    def any_agents(self) -> bool:
        """Whether a release at work has agents, or one had that still acts. Blocking."""
        return bool(self._environment) or bool(self.followed.bundle().agents)

    def mistakes(self) -> list[AverError]:
        """What keeps anything that is pointed to, or declared, from being in force. Blocking."""
        if not self._environment:
            return [*self.followed.mistakes()]
        found = [error for _, error in list(self._failed.values())]
        return [self._arms.problem, *found] if self._arms is not None and self._arms.problem else found

    def left(self, serving: Serving) -> None:
        """Nobody has it in their hands: closed, unless it is pointed to."""
        if serving.digest and not self._kept(serving):
            self._close(serving)

    async def close(self) -> None:
        """Close all connections, within the event loop that opened them."""
        if "shadows" in self.__dict__:
            await self.shadows.close()
        opened = [*self._open.values(), *([self.followed] if "followed" in self.__dict__ else [])]
        for serving in opened:
            await serving.close()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _learn(self, known: Mapping[str, Environment]) -> Arms:
        """What there is to know by now: looked at once, however many ask at the same time."""
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._look(known))
        return await asyncio.shield(self._learning)

    async def _look(self, known: Mapping[str, Environment]) -> Arms:
        """Where something has moved, have the release in force open before anybody goes by it, and close what nobody needs any more."""
        environment, arms = self._environment_in(known), self._arms
        if arms is None or arms.environment.revision != environment.revision:
            arms = await asyncio.to_thread(self._moved, environment)
            self._arms = arms
            for serving in [each for each in self._open.values() if not each.turns and not self._kept(each)]:
                self._close(serving)
            self._failed = {digest: failed for digest, failed in self._failed.items() if digest in arms.kept}
            if environment.previous and environment.previous not in self._open:
                threading.Thread(
                    target=self._ready, args=(environment.previous,), name="aver-release", daemon=True
                ).start()
        self._known = known
        return arms

    def _kept(self, serving: Serving) -> bool:
        """Whether it is pointed to, or stands in for what is."""
        return serving is self._stable or (self._arms is not None and serving.digest in self._arms.kept)

    def _ready(self, digest: str) -> None:
        """Have open what a rollback would go back to, so that nobody waits for it then."""
        with suppress(AverError):  # it is told of where it is needed
            self._opened(digest)

    def _moved(self, environment: Environment) -> Arms:
        from aver.server.arms import Arms

        self._stable_of(environment)
        return Arms(environment, self._application.tenant_name, self._application.clock.now)

    def _environment_in(self, known: Mapping[str, Environment]) -> Environment:
        name = self._environment
        environment = known.get(name)
        if environment is None or not environment.digest:
            raise Unavailable(
                f"No release is in force in the environment {name!r}", f"aver release promote {name} DIGEST"
            )
        return environment

    def _stable_of(self, environment: Environment) -> Serving:
        """The release in force or, where it cannot be opened, the one before; where neither can, what was in force until now goes on. Blocking."""
        try:
            self._stable = self._opened(environment.digest)
        except AverError:
            with suppress(AverError):  # the first is what has to be mended
                self._stable = self._opened(environment.previous) if environment.previous else self._stable
            if self._stable is None:
                raise
        return self._stable

    async def _instead(self, arms: Arms, pin: Pin) -> tuple[Serving, Pin]:
        """The release that is to answer, opened, or the one that takes its place. Such a turn is in no arm: it says nothing of any."""
        try:
            return await asyncio.to_thread(self._opened, pin.release), pin
        except AverError:
            serving = await asyncio.to_thread(self._stable_of, arms.environment)
            return serving, replace(pin, release=serving.digest, assigned={}, instead_of=pin.release)

    def _opened(self, digest: str) -> Serving:
        """The release, opened by one thread while others wait. Once it could not be, nobody waits for another try. Blocking."""
        found = self._open.get(digest)
        if found is not None:
            return found
        failed = self._failed.get(digest)
        if failed is not None:
            since, error = failed
            if self._application.clock.monotonic() - since >= _AGAIN and not self._locks[digest].locked():
                threading.Thread(target=self._try, args=(digest,), name="aver-release", daemon=True).start()
            raise error
        return self._try(digest)

    def _try(self, digest: str) -> Serving:
        with self._locks[digest]:
            if digest in self._open:
                return self._open[digest]
            try:
                serving = self._read(digest)
            except Exception as broken:  # noqa: BLE001 - whatever a release makes of itself, others are served
                error = broken if isinstance(broken, AverError) else _unreadable(digest, broken)
                if digest not in self._failed:
                    said = {"release": digest, "error": error.slug, "cause": error.cause}
                    _log.error("a release cannot be opened; another is served in its place", extra=said)
                self._failed[digest] = (self._application.clock.monotonic(), error)
                raise error from None
            self._failed.pop(digest, None)
            self._open[digest] = serving
            return serving

    def _read(self, digest: str) -> Serving:
        from aver.server.bundle import read_whole

        folder, manifest = self.registry.open_folder(digest), self.registry.get(digest).manifest
        bundle = read_whole(folder)
        serving = Serving(self._application, lambda: bundle, folder, digest, manifest.assistant)
        serving.prepare()
        return serving

    def _close(self, serving: Serving) -> None:
        if self._open.get(serving.digest) is serving:
            del self._open[serving.digest]
        task = asyncio.create_task(serving.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _unreadable(digest: str, error: Exception) -> SettingsError:
    return SettingsError(
        f"The release {digest[:12]} cannot be opened ({type(error).__name__})", "See aver release verify."
    )
