"""A part of something that is made when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, Self, TypeVar, overload

__all__ = ["once"]

T = TypeVar("T")


class once(cached_property[T]):  # noqa: N801 - used as a decorator
    """A part made when it is first asked for, by one thread while the others wait: two models would take twice the memory."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        super().__init__(make)
        self._making = threading.RLock()

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Self | T:
        with self._making:
            return super().__get__(instance, owner)
