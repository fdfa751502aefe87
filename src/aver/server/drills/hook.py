"""Where a drill is told of alerts, as whoever is on call is: a webhook over real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from aver.ops.drills.types import Told

__all__ = ["Hook"]

_LARGEST = 2**20


class Hook:
    """Takes messages for as long as the block lasts. What was told is kept once for each alert, when it first was."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[float, dict[str, Any]]] = {}
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length") or 0), _LARGEST)
                hook._take(json.loads(self.rfile.read(length)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="drill-hook", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def clear(self) -> None:
        """Forget what was told before."""
        self._told.clear()

    def told(self, began: float) -> Sequence[Told]:
        """Every alert in order, with the seconds from ``began``, by the monotonic clock."""
        found = [
            Told(at - began, str(alert["rule"]), str(alert["severity"]), str(alert["said"]))
            for at, alert in list(self._told.values())
        ]
        return sorted(found, key=lambda each: each.at)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("status") == "firing":
            for alert in message.get("alerts", ()):
                self._told.setdefault(str(alert["id"]), (time.monotonic(), alert))
