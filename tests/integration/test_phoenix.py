"""A real Phoenix: what Aver sends is there as a trace, with its model, its tokens, its kinds and its conversation.

``make test`` installs it into ``.phoenix``, apart from everything else.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aver.core import SystemClock
from aver.core.settings import Conventions, TelemetrySettings
from aver.evidence.telemetry.exporter import Exporter
from aver.evidence.telemetry.gathering import Gathering
from aver.evidence.telemetry.meter import Meter
from aver.evidence.telemetry.traces import root_id, trace_id
from tests.unit.evidence.telemetry.conftest import Chain
from tests.unit.evidence.telemetry.test_gathering import taken, whole

PROGRAM = Path(__file__).resolve().parents[2] / ".phoenix" / "bin" / "phoenix"
PATIENCE = 600
"""Seconds for the first start, which makes its database."""


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert PROGRAM.exists(), f"there is no Phoenix; install it: make {PROGRAM.parent.parent.name}/stamp"
    folder, port = tmp_path_factory.mktemp("phoenix"), _port()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
        "HOME": str(folder),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([PROGRAM, "serve"], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(PATIENCE * 2):
            assert server.poll() is None, (folder / "log").read_text()[-2000:]
            try:
                urllib.request.urlopen(url + "/healthz", timeout=30).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def sent(url: str, turn: str, conventions: Conventions) -> None:
    told = TelemetrySettings(endpoint=url, conventions=conventions, signals=("traces",))
    lost: list[Any] = []
    exporter = Exporter(told, {"service.name": "aver"}, SystemClock(), list, lambda *what: lost.append(what))
    exporter.put(taken(Gathering(Meter()), whole(Chain(), turn)))
    exporter.close(60)
    assert lost == []


def kept(url: str, trace: str) -> dict[str, Any]:
    """The spans of a trace by their names, once Phoenix has put them away."""
    for _ in range(PATIENCE):
        with urllib.request.urlopen(f"{url}/v1/projects/default/spans?limit=1000", timeout=60) as answer:
            spans = [each for each in json.load(answer)["data"] if each["context"]["trace_id"] == trace]
        if len(spans) == 4:
            return {each["name"]: each for each in spans}
        time.sleep(0.1)
    raise AssertionError("Phoenix has not kept the trace")


@pytest.mark.parametrize("conventions", ["1.41.1", "openinference"])
def test_phoenix_understands_what_it_is_sent(phoenix, conventions):
    turn = f"turn_{conventions}"
    sent(phoenix, turn, conventions)
    spans = kept(phoenix, trace_id(turn).hex())
    root, call = spans["invoke_agent assistant"], spans["chat fast"]
    assert {each["parent_id"] for each in spans.values()} == {None, root_id(turn).hex()}
    assert (root["span_kind"], call["span_kind"], spans["retrieval"]["span_kind"]) == ("AGENT", "LLM", "RETRIEVER")
    assert call["attributes"]["llm.model_name"] == "fast"
    assert (call["attributes"]["llm.token_count.prompt"], call["attributes"]["llm.token_count.completion"]) == (120, 30)
    assert root["attributes"]["session.id"] == "c_1"
    assert root["attributes"]["aver.tenant.name"] == "northwind"
    assert root["status_code"] in ("OK", "UNSET")
