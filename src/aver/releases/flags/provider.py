"""Aver's own provider for OpenFeature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.core.errors import MissingExtra
from aver.releases.flags.service import Flags
from aver.releases.flags.types import FlagType, Resolved
from aver.releases.rollout.assignment import Who

__all__ = ["Provider", "who_of"]


class Provider:
    """A provider for OpenFeature's clients. Of the evaluation context it takes the targeting key as the user, and ``tenant``, ``tenant_name``,
    ``groups`` and ``conversation``."""

    name = "aver"

    def __init__(self, flags: Flags) -> None:
        try:
            import openfeature.provider  # noqa: F401 - whether it is there
        except ImportError:
            raise MissingExtra("openfeature-sdk", "flags") from None
        self._flags = flags

    def resolve(self, key: str, wanted: FlagType, instead: Any, who: Who) -> Resolved:
        return self._flags.resolve(key, wanted, instead, who)

    def attach(self, on_emit: Any) -> None: ...

    def detach(self) -> None: ...

    def initialize(self, evaluation_context: Any) -> None: ...

    def shutdown(self) -> None: ...

    def get_provider_hooks(self) -> list[Any]:
        return []

    def get_metadata(self) -> Any:
        from openfeature.provider import Metadata

        return Metadata(self.name)

    def track(
        self, tracking_event_name: str, evaluation_context: Any = None, tracking_event_details: Any = None
    ) -> None:
        """What came of a variant is read off the evidence of turns."""

    def resolve_boolean_details(self, flag_key: str, default_value: bool, evaluation_context: Any = None) -> Any:
        return self._details(flag_key, "boolean", default_value, evaluation_context)

    def resolve_string_details(self, flag_key: str, default_value: str, evaluation_context: Any = None) -> Any:
        return self._details(flag_key, "string", default_value, evaluation_context)

    def resolve_integer_details(self, flag_key: str, default_value: int, evaluation_context: Any = None) -> Any:
        return self._details(flag_key, "integer", default_value, evaluation_context)

    def resolve_float_details(self, flag_key: str, default_value: float, evaluation_context: Any = None) -> Any:
        return self._details(flag_key, "float", default_value, evaluation_context)

    def resolve_object_details(self, flag_key: str, default_value: Any, evaluation_context: Any = None) -> Any:
        return self._details(flag_key, "object", default_value, evaluation_context)

    async def resolve_boolean_details_async(
        self, flag_key: str, default_value: bool, evaluation_context: Any = None
    ) -> Any:
        return self.resolve_boolean_details(flag_key, default_value, evaluation_context)

    async def resolve_string_details_async(
        self, flag_key: str, default_value: str, evaluation_context: Any = None
    ) -> Any:
        return self.resolve_string_details(flag_key, default_value, evaluation_context)

    async def resolve_integer_details_async(
        self, flag_key: str, default_value: int, evaluation_context: Any = None
    ) -> Any:
        return self.resolve_integer_details(flag_key, default_value, evaluation_context)

    async def resolve_float_details_async(
        self, flag_key: str, default_value: float, evaluation_context: Any = None
    ) -> Any:
        return self.resolve_float_details(flag_key, default_value, evaluation_context)

    async def resolve_object_details_async(
        self, flag_key: str, default_value: Any, evaluation_context: Any = None
    ) -> Any:
        return self.resolve_object_details(flag_key, default_value, evaluation_context)

    def _details(self, key: str, wanted: FlagType, instead: Any, context: Any) -> Any:
        from openfeature.exception import ErrorCode
        from openfeature.flag_evaluation import FlagResolutionDetails, Reason

        found = self.resolve(key, wanted, instead, who_of(context))
        error = None if found.error is None else ErrorCode(found.error)
        return FlagResolutionDetails(
            found.value, error, found.said or None, Reason(found.reason), found.variant or None
        )


def who_of(context: Any) -> Who:
    """Whom an evaluation context is about."""
    attributes: Mapping[str, Any] = getattr(context, "attributes", None) or {}
    groups = attributes.get("groups") or ()
    return Who(
        str(attributes.get("tenant", "")),
        getattr(context, "targeting_key", None) or "",
        frozenset(map(str, [groups] if isinstance(groups, str) else groups)),
        str(attributes.get("conversation", "")),
        str(attributes.get("tenant_name", "")),
    )
