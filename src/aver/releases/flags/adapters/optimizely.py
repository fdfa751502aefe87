"""Optimizely's flags from a datafile, by Optimizely's own library. Its vocabulary is flags with rules and variables: a flag's truth value is whether it is
enabled, its other values are those of the variable ``value``, or of all variables as an object."""

from __future__ import annotations

from typing import Any

from aver.core.errors import MissingExtra, SettingsError
from aver.releases.flags.evaluation import typed
from aver.releases.flags.provider import Provider
from aver.releases.flags.service import Flags
from aver.releases.flags.types import FlagType, Reason, Resolved
from aver.releases.rollout.assignment import Who

__all__ = ["OptimizelyProvider"]

_VALUE = "value"


class OptimizelyProvider(Provider):
    """Decisions of the datafile ``text``. Nothing is fetched and no event is sent. Raises :class:`~aver.core.errors.MissingExtra` without the library
    and :class:`~aver.core.errors.SettingsError` for what is no datafile."""

    name = "optimizely"

    def __init__(self, text: str) -> None:
        super().__init__(Flags(dict))
        try:
            from optimizely.event.event_processor import ForwardingEventProcessor
            from optimizely.optimizely import Optimizely
            from optimizely.optimizely_user_context import UserAttributes
        except ImportError:
            raise MissingExtra("optimizely-sdk", "optimizely") from None
        self._attributes = UserAttributes
        # without one of these the library starts a thread that sends events; this one sends what is decided, and decisions are asked for without an event
        self._client = Optimizely(datafile=text, event_processor=ForwardingEventProcessor(_Nowhere()))
        config = self._client.config_manager.get_config()
        if config is None:
            raise SettingsError("The file is no datafile of Optimizely", "Export it again.")
        self._known = set(config.feature_key_map)

    def resolve(self, key: str, wanted: FlagType, instead: Any, who: Who) -> Resolved:
        if key not in self._known:
            return Resolved(key, instead, "", "ERROR", "FLAG_NOT_FOUND", "there is no such flag")
        if not who.user:
            return Resolved(key, instead, "", "ERROR", "TARGETING_KEY_MISSING", "nobody is named")
        attributes = self._attributes(
            {"tenant": who.tenant, "tenant_name": who.name, **{f"group_{group}": True for group in who.groups}}
        )
        context = self._client.create_user_context(who.user, attributes)
        if context is None:
            return Resolved(key, instead, "", "ERROR", "GENERAL", "Optimizely takes no such user")
        decision = context.decide(key, ["DISABLE_DECISION_EVENT"])
        reason: Reason = "TARGETING_MATCH" if decision.enabled else "DEFAULT"
        if wanted == "boolean":
            value: Any = decision.enabled
        elif wanted == "object" and _VALUE not in decision.variables:
            value = decision.variables
        else:
            value = decision.variables.get(_VALUE, decision.enabled)
        return typed(Resolved(key, value, decision.variation_key or "", reason), wanted, instead)

    def shutdown(self) -> None:
        self._client.close()


class _Nowhere:
    """Where events go."""

    def dispatch_event(self, event: Any) -> None: ...
