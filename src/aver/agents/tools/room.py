"""Where what a bundle declares is run: a sandbox, what a call there may take, and what it reaches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aver.agents import sandbox
from aver.agents.sandbox import SandboxStopped
from aver.agents.tools.declaration import CodeConfig
from aver.agents.tools.types import Result
from aver.core.errors import NotFound, Unavailable, Undecided
from aver.gateway.credentials import SecretSource

__all__ = ["Room"]

_Call = Callable[[sandbox.Limits, sandbox.Network | None], Awaitable[sandbox.Result]]


class Room:
    """The sandbox of one origin. Secrets are looked up anew for each call, and never come into it."""

    def __init__(self, config: CodeConfig, secrets: SecretSource) -> None:
        assert config.sandbox != "none"
        self.sandbox = sandbox.Sandbox(sandbox.SandboxSettings(config.sandbox))
        self._config = config
        self._secrets = secrets
        limits = config.limits
        self._limits = sandbox.Limits(
            seconds=limits.seconds,
            cpu_seconds=max(1, int(limits.seconds)),
            memory_mb=limits.memory_mb,
            processes=limits.processes,
            disk_mb=limits.disk_mb,
            output_kb=max(1, limits.largest // 1024),
        )

    async def called(self, call: _Call, told: Callable[[sandbox.Result], Result]) -> Result:
        """What ``told`` makes of ``call``, made within the limits. One that was stopped has failed where nothing can have left the sandbox.

        Raises :class:`~aver.core.errors.Unavailable` where it certainly was not run, and :class:`~aver.core.errors.Undecided` where it was
        stopped and may have brought something about at its hosts.
        """
        network = await self._network()
        try:
            return told(await call(self._limits, network))
        except NotFound as error:  # a file that was there when it was read
            raise Unavailable(error.cause, error.next_step) from None
        except SandboxStopped as error:
            if network is None and "network" in error.report.holds:
                return Result(None, f"{error.cause}. {error.next_step}", failed=True)
            raise Undecided(f"{error.cause}, and may have done its work before", "See there whether it did.") from error

    async def _network(self) -> sandbox.Network | None:
        config = self._config
        if not config.hosts:
            return None
        kept = [
            sandbox.Secret(each.name, await self._secrets.get(each.credential), each.hosts, each.headers)
            for each in config.secrets.values()
        ]
        return sandbox.Network([*config.hosts.values()], kept, config.limits.exchanged_mb)
