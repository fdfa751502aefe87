"""Asks a chat endpoint again and again over connections that are kept, and says how long it took. One process, one thread.

    python bench/scaffold/load.py '{"port": 8000, "key": "sk-…", "model": "mock", "clients": 64, "requests": 10000}'

Each client asks its next question when it has the whole answer to the last. With ``chunks`` the answers are streamed, that many pieces
each. What comes back is one JSON object: seconds, requests a second, milliseconds to the whole answer and (streams) to the first
content, events received. An answer that is not whole, or not 200, ends the run.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

try:
    from uvloop import run
except ImportError:
    from asyncio import run

_END = b"\r\n0\r\n\r\n"


class Client(asyncio.Protocol):
    """One connection. ``whole`` are the seconds of each answer, ``first`` those to the first content of a stream."""

    def __init__(self, request: bytes, load: Load) -> None:
        self._request = request
        self._load = load
        self.whole: list[float] = []
        self.first: list[float] = []
        self.events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._began:
            self._load.fail("The connection was closed in the middle of an answer.")

    def _ask(self) -> None:
        self._head = b""
        self._left = -1
        self._tail = b""
        self._began = time.perf_counter() if self._load.take() else 0.0
        if self._began:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self._load.finished()

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 200"):
                self._load.fail((head + b"\r\n\r\n" + data)[:2000].decode(errors="replace"))
                return
            lower = head.lower()
            if b"\r\ncontent-length:" in lower:
                self._left = int(lower.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
            else:
                self._left = sys.maxsize
        if self._left == sys.maxsize:
            self._streamed(data)
            return
        self._left -= len(data)
        if self._left <= 0:
            self._answered()

    def _streamed(self, data: bytes) -> None:
        # The pieces of a stream are small and regular: an event is counted where it begins, and its beginning may be cut in two.
        joined = self._tail + data
        if not self._tail and data:
            self.first.append(time.perf_counter() - self._began)
        self.events += joined.count(b"data: ") - self._tail.count(b"data: ")
        self._tail = joined[-16:]
        if joined.endswith(_END):
            if b"[DONE]" not in joined[-64:]:
                self._load.fail(f"A stream ended without its end marker: {joined[-300:]!r}")
                return
            self._answered()

    def _answered(self) -> None:
        self.whole.append(time.perf_counter() - self._began)
        self._ask()


class Load:
    """The questions that are left, and the clients that ask them."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._left = int(options["requests"])
        self._options = options
        self._open = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def finished(self) -> None:
        self._open -= 1
        if not self._open and not self._done.done():
            self._done.set_result(None)

    def fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(why))

    async def run(self) -> dict[str, Any]:
        options = self._options
        request = _request(options)
        self._open = int(options["clients"])
        loop = asyncio.get_running_loop()
        clients = [Client(request, self) for _ in range(self._open)]
        began = time.perf_counter()
        for client in clients:
            await loop.create_connection(lambda client=client: client, "127.0.0.1", int(options["port"]))
        await self._done
        seconds = time.perf_counter() - began
        whole = sorted(each for client in clients for each in client.whole)
        first = sorted(each for client in clients for each in client.first)
        events = sum(client.events for client in clients)
        expected = options.get("chunks", 0) * len(whole)
        if events < expected:
            raise RuntimeError(f"Only {events} events came of at least {expected}.")
        result = {"seconds": seconds, "requests": len(whole), "rps": len(whole) / seconds, **_times("", whole)}
        if expected:
            result |= {"events": events, "events_per_second": events / seconds, **_times("first_", first)}
        return result


def _times(name: str, seconds: list[float]) -> dict[str, float]:
    return {f"{name}p{part}_ms": 1000 * seconds[min(len(seconds) * part // 100, len(seconds) - 1)] for part in (50, 99)}


def _request(options: dict[str, Any]) -> bytes:
    chunks = int(options.get("chunks", 0))
    text = "Which animal jumps over which other one, and what are they like?" + (f" chunks={chunks}" if chunks else "")
    body: dict[str, Any] = {
        "model": options["model"],
        "messages": [{"role": "system", "content": "Answer in one sentence."}, {"role": "user", "content": text}],
        "max_tokens": 64,
        "temperature": 0,
    }
    if chunks:
        body["stream"] = True
    content = json.dumps(body).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s" % (options["key"].encode(), len(content), content)
    )


async def main(options: dict[str, Any]) -> dict[str, Any]:
    return await Load(options).run()


if __name__ == "__main__":
    print(json.dumps(run(main(json.loads(sys.argv[1])))))
