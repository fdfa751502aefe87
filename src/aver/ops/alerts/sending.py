"""A message on its route: the kind's adapter, with the secrets that the route refers to read at that moment."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from aver.core.clock import Clock
from aver.ops.alerts.types import Delivery, Message
from aver.ops.types import Route

__all__ = ["Sender"]

_SECRETS = ("url", "key", "secret", "password")


class Sender:
    """``secret`` gives what ``env:NAME`` or another reference names. Blocking."""

    def __init__(self, secret: Callable[[str], str], clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def __call__(self, route: Route, message: Message) -> None:
        """As :data:`~aver.ops.alerts.telling.Send`; raises what keeps a secret from being had, too."""
        adapter = import_module(f"aver.ops.adapters.{route.kind}")
        secrets = {name: self._secret(value) for name in _SECRETS if (value := getattr(route, name))}
        adapter.send(Delivery(route, message, secrets, self._clock.now()))
