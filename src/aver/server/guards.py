"""The guards of all tenants, as the bundle declares them now."""

from __future__ import annotations

from collections.abc import Callable

from aver.gateway.credentials.types import SecretSource
from aver.gateway.transport import Transport
from aver.gateway.types import Embedder
from aver.guard import Guard, Guardrails, guard_of
from aver.guard.adapters.endpoints import open_endpoints
from aver.guard.builtin import built_in
from aver.guard.kinds import configured

__all__ = ["Guards"]


class Guards:
    """Made when a tenant's guard is first asked for, and again when other checks are declared. Detectors are shared by all tenants.

    ``secrets`` gives the credentials of servers that are asked; ``tightened`` what is held stricter for the tenant of a name at this moment. Used
    within one event loop at a time, like the gateway.
    """

    def __init__(
        self,
        declared: Callable[[], Guardrails],
        embedder: Callable[[], Embedder],
        secrets: SecretSource,
        tightened: Callable[[str], frozenset[str]] = lambda _: frozenset(),
    ) -> None:
        self._declared = declared
        self._secrets = secrets
        self._tightened = tightened
        self._transport = Transport()
        self._embedder = embedder
        self._known = built_in(embedder)
        self._by: tuple[Guardrails, dict[str, tuple[frozenset[str], Guard]]] = Guardrails(), {}

    def of(self, tenant: str) -> Guard:
        """The guard of the tenant of this name. Raises what making a check raises."""
        declared = self._declared()
        if self._by[0] is not declared:
            self._by = declared, {}
        guards, held = self._by[1], self._tightened(tenant)
        found = guards.get(tenant)
        if found is None or found[0] != held:
            known = {**self._known, **configured(declared.checks, self._embedder)}
            endpoints = open_endpoints(declared.checks, self._transport, self._secrets)
            found = guards[tenant] = held, guard_of(declared, tenant, known, endpoints, held)
        return found[1]

    def warm(self) -> None:
        """Load what the built-in checks that are declared for anybody read by, so that the first question does not wait for it. Blocking;
        raises what loading raises."""
        declared = self._declared()
        for name in declared.names() & self._known.keys():
            if hasattr(check := self._known[name](), "find"):
                check.find("ready")

    async def close(self) -> None:
        """Close the connections to servers that judge, within the event loop that opened them."""
        await self._transport.close()
