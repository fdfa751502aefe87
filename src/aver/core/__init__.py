"""Ids, clock, principal, settings, the error tree. No I/O."""

from aver.core.canonical import canonical_json, sha256_hex
from aver.core.clock import Clock, SystemClock, rfc3339
from aver.core.ids import new_id
from aver.core.principal import ADMIN, EVERYONE, Principal, check_reader, group_reader, user_reader

__all__ = [
    "ADMIN",
    "EVERYONE",
    "Clock",
    "Principal",
    "SystemClock",
    "canonical_json",
    "check_reader",
    "group_reader",
    "new_id",
    "rfc3339",
    "sha256_hex",
    "user_reader",
]
