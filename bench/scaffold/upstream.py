"""A model server that costs next to nothing: OpenAI's chat completions, whole or streamed, for whatever is asked.

    python bench/scaffold/upstream.py PORT

A request whose text says ``chunks=N`` and asks for a stream gets N pieces, one write an event; ``wait=MS`` delays the first. Everything
else gets one short reply at once. It serves HTTP/1.1 with keep-alive and reads no more of a request than its length and these words.
"""

from __future__ import annotations

import asyncio
import re
import sys

try:
    from uvloop import run
except ImportError:
    from asyncio import run

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"transfer-encoding:\s*chunked", re.IGNORECASE)
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_CHUNKS = re.compile(rb"chunks=(\d+)")
_WAIT = re.compile(rb"wait=(\d+)")
_USAGE = b'"usage":{"prompt_tokens":12,"completion_tokens":9,"total_tokens":21}'
_WHOLE = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock-model","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"The quick brown fox jumps over the lazy dog."},"finish_reason":"stop"}],'
    + _USAGE
    + b"}"
)
_REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(_WHOLE), _WHOLE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_OPEN = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock-model",'


def _event(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


_FIRST = _event(_OPEN + b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n')
_PIECES = [
    # Words that differ: LiteLLM takes a hundred equal pieces for a model that repeats itself.
    _event(_OPEN + b'"choices":[{"index":0,"delta":{"content":" %s"},"finish_reason":null}]}\n\n' % word)
    for word in (b"the", b"quick", b"brown", b"fox", b"jumps", b"over", b"lazy", b"dogs")
]
_LAST = _event(_OPEN + b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')
_COUNTED = _event(_OPEN + b'"choices":[],' + _USAGE + b"}\n\n")
_DONE = _event(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._buffer = b""
        self._writable = asyncio.Event()
        self._writable.set()
        self._streaming: asyncio.Task[None] | None = None

    def connection_lost(self, _error: Exception | None) -> None:
        if self._streaming:
            self._streaming.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if length is None and _CHUNKED.search(head):
            if not body.endswith(b"0\r\n\r\n"):
                return
        elif length is not None and len(body) < int(length[1]):
            return
        self._buffer = b""
        if _STREAM.search(body):
            self._streaming = asyncio.get_running_loop().create_task(self._stream(body))
        else:
            self._transport.write(_REPLY)

    async def _stream(self, body: bytes) -> None:
        chunks, wait = _CHUNKS.search(body), _WAIT.search(body)
        if wait:
            await asyncio.sleep(int(wait[1]) / 1000)
        write = self._transport.write
        write(_HEAD + _FIRST)
        for number in range(int(chunks[1]) if chunks else 9):
            await self._writable.wait()
            write(_PIECES[number % len(_PIECES)])
            await asyncio.sleep(0)
        write(_LAST)
        if b"include_usage" in body:
            write(_COUNTED)
        write(_DONE)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    run(serve(int(sys.argv[1])))
