"""Grants in Redis: a hash for each window, a field for each holder; an exchange is one script, which Redis runs alone.

What Redis forgets is spendable again: run it with its append-only file on (https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from aver.core.clock import rfc3339
from aver.core.errors import MissingExtra, SettingsError, Unavailable
from aver.gateway.budgets.grants import SHARE, Answer, Grant, GrantKey, Line

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisGrantStore"]

# A field is "seq granted settled reserved limit seen"; the empty field is the sum of the holders that left. Lua's numbers are doubles,
# exact up to 2^53, which no limit exceeds.
_SCRIPT = """
local holder, now, share = ARGV[1], ARGV[2], tonumber(ARGV[3])
local answers = {}
local function text(n) return string.format('%.0f', n) end
local function field(seq, granted, settled, reserved, limit)
  return table.concat({text(seq), text(granted), text(settled), text(reserved), text(limit), now}, ' ')
end
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 11
  local n = {}
  for j = 1, 10 do n[j] = tonumber(ARGV[at + j]) end
  local limit, seq, granted, settled, reserved, need, least, wanted, opened, leave = unpack(n)
  local expires = tonumber(ARGV[at + 11])
  local others, idle, before, mine = 0, 0, 0, nil
  local all = redis.call('HGETALL', key)
  for j = 1, #all, 2 do
    local s, g, u, r = string.match(all[j + 1], '^(%d+) (%d+) (%d+) (%d+) ')
    if all[j] == holder then
      mine = tonumber(s)
    else
      others = others + g
      idle = idle + math.max(0, g - u - r)
      if all[j] == '' then before = tonumber(u) end
    end
  end
  local room, more = limit - others - granted, 0
  local stale = opened == 1 and need == 0
  if mine then stale = seq <= mine end
  if not stale then
    if leave == 1 then
      redis.call('HDEL', key, holder)
      redis.call('HSET', key, '', field(0, before + settled, before + settled, 0, limit))
      room = room + granted - settled
    else
      if need > 0 and room >= need then
        more = math.max(need, math.min(wanted, math.floor(room / share)))
      elseif need > 0 and room >= least then
        more = room
      end
      room = room - more
      redis.call('HSET', key, holder, field(seq, granted + more, settled, reserved, limit))
    end
    if expires > 0 then redis.call('EXPIREAT', key, expires) end
  end
  answers[i] = {text(more), text(room), text(idle)}
end
return answers
"""
_ABOUT_A_CENTURY = 4_102_444_800
"""2100: what expires later does not expire."""
_SECONDS = 5


class RedisGrantStore:
    """Grants of one tenant, by its id, in the Redis at ``url``. Raises :class:`~aver.core.errors.MissingExtra` without the ``redis``
    package and :class:`~aver.core.errors.SettingsError` on a URL that is not one of Redis."""

    def __init__(self, url: str, tenant: str) -> None:
        try:
            import redis
        except ImportError:
            raise MissingExtra("redis", "redis") from None
        try:
            self._redis: Redis = redis.Redis.from_url(
                url, decode_responses=True, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
            )
        except ValueError:
            raise SettingsError(
                "The Redis URL is not one of Redis", "Write redis://HOST:PORT/0, or rediss:// for TLS."
            ) from None
        self._faults: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._prefix = f"aver:budget:{{{tenant}}}:"  # the braces keep a tenant's keys on one node of a cluster
        self._script = self._redis.register_script(_SCRIPT)

    def exchange(self, holder: str, lines: Sequence[Line], now: datetime) -> list[Answer]:
        arguments: list[str | int] = [holder, rfc3339(now), SHARE]
        for line in lines:
            expires = int(datetime.fromisoformat(line.expires).timestamp())
            arguments += [line.limit, line.seq, line.granted, line.settled, line.reserved]
            arguments += [line.need, line.least, line.wanted, int(line.opened), int(line.leave)]
            arguments.append(expires if expires < _ABOUT_A_CENTURY else 0)
        with self._translated():
            found = cast("list[list[str]]", self._script(keys=[self._name(line.key) for line in lines], args=arguments))
        return [Answer(*map(int, answer)) for answer in found]

    def grants(self) -> list[Grant]:
        with self._translated():
            records = {name: cast("dict[str, str]", self._redis.hgetall(name)) for name in self._names()}
        return sorted(
            (
                _grant(name.removeprefix(self._prefix), *field)
                for name, all_ in records.items()
                for field in all_.items()
            ),
            key=lambda grant: (grant.key, grant.holder),
        )

    def forget(self, value: str) -> None:
        with self._translated():
            for name in self._names():
                if json.loads(name.removeprefix(self._prefix))[3] == value:
                    self._redis.delete(name)

    def close(self) -> None:
        self._redis.close()

    def _names(self) -> list[str]:
        escaped = self._prefix.replace("[", "\\[").replace("*", "\\*").replace("?", "\\?")
        return [cast(str, name) for name in self._redis.scan_iter(match=f"{escaped}*", count=1000)]

    def _name(self, key: GrantKey) -> str:
        return self._prefix + json.dumps(key, ensure_ascii=False, separators=(",", ":"))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._faults as error:
            raise Unavailable(
                f"Redis, which keeps the budgets, cannot be used ({type(error).__name__})",
                "Check AVER_REDIS_URL and the server.",
            ) from error


def _grant(key: str, holder: str, field: str) -> Grant:
    words: list[Any] = json.loads(key)
    _seq, granted, settled, reserved, limit, seen = field.split(" ")
    return Grant(GrantKey(*words), holder, int(limit), int(granted), int(settled), int(reserved), seen)
