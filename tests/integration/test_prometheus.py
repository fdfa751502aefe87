"""A real Prometheus: it scrapes a real Aver, its rules hold what they are to hold, and its own tool finds nothing wrong with the page.

``make test`` puts the programs into ``.prometheus`` where the system has none.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from aver.core.settings import Settings
from aver.knowledge.sources import parse_sources
from aver.server.application import Application
from aver.testing import HashEmbedder
from tests.servers import serving, write_handbook

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus"
PATIENCE = 120


def program(name: str) -> str:
    own = ROOT / ".prometheus" / "usr" / "bin" / name
    found = str(own) if own.exists() else shutil.which(name)
    assert found, f"there is no {name}; install it: requirements/prometheus"
    return found


_ADVICE = 3


def checked(*command: str, given: bytes | None = None) -> str:
    """What promtool says, where nothing is wrong; it may have advice about names."""
    done = subprocess.run(
        [program("promtool"), *command], input=given, capture_output=True, timeout=PATIENCE, check=False
    )
    assert done.returncode in (0, _ADVICE if given else 0), (done.stdout + done.stderr).decode()
    return (done.stdout + done.stderr).decode()


def test_the_rules_hold_what_they_are_to_hold():
    assert "SUCCESS" in checked("check", "rules", str(RULES / "aver.rules.yaml"))
    assert "SUCCESS" in checked("test", "rules", str(RULES / "aver.rules.test.yaml"))


def test_every_alert_is_tried():
    groups = yaml.safe_load((RULES / "aver.rules.yaml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    tried = yaml.safe_load((RULES / "aver.rules.test.yaml").read_text())["tests"]
    assert {each["alertname"] for test in tried for each in test["alert_rule_test"] if each["exp_alerts"]} == alerts


@pytest.fixture
def server(tmp_path):
    application = Application(Settings(data=tmp_path / "data"), embedder=HashEmbedder())
    application.store.create_tenant("northwind")
    handbook, _ = write_handbook(tmp_path)
    services = application.tenant("northwind")
    services.sources.declare(parse_sources(f"sources: {{pages: {{kind: folder, path: '{handbook}'}}}}", "s.yaml"))
    services.sources.follow("pages")
    with serving(application) as served:
        yield served
    application.close()


def fetched(url: str, key: str = "", body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        return bytes(answer.read())


def test_a_real_prometheus_scrapes_a_real_aver(server, tmp_path):
    key = server.application.create_key("northwind", "kay", roles=["admin"])[1]
    for _ in range(3):
        fetched(server.url + "/v1/ask", key, json.dumps({"question": "How many days of leave carry over?"}).encode())
    page = fetched(server.url + "/metrics", key)
    linted = checked("check", "metrics", given=page)
    assert not [line for line in linted.splitlines() if line.startswith(("aver_turn", "aver_evidence", "gen_ai"))], (
        linted
    )

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (tmp_path / "key").write_text(key)
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES / "aver.rules.yaml")],
        "scrape_configs": [
            {
                "job_name": "aver",
                "authorization": {"credentials_file": str(tmp_path / "key")},
                "static_configs": [{"targets": [server.url.removeprefix("http://")]}],
            }
        ],
    }
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    command = [
        program("prometheus"),
        f"--config.file={tmp_path / 'prometheus.yaml'}",
        f"--storage.tsdb.path={tmp_path / 'series'}",
        f"--web.listen-address={address}",
    ]
    with (tmp_path / "log").open("wb") as log:
        prometheus = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        asked = "sum by (tenant, feature, outcome) (aver_turn_duration_seconds_count)"
        (found,) = answered(f"http://{address}", asked)
        assert found["metric"] == {"tenant": "northwind", "feature": "assistant", "outcome": "answered"}
        assert float(found["value"][1]) == 3
        (buckets,) = answered(f"http://{address}", 'aver_turn_duration_seconds_bucket{le="+Inf"}')
        assert float(buckets["value"][1]) == 3
        (up,) = answered(f"http://{address}", "up")
        assert (up["metric"]["job"], up["value"][1]) == ("aver", "1")
    finally:
        prometheus.terminate()
        prometheus.wait(60)


def answered(url: str, query: str) -> list[Any]:
    """What Prometheus has for ``query``, once it has anything."""
    for _ in range(PATIENCE * 5):
        try:
            found = json.loads(fetched(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"))["data"][
                "result"
            ]
        except (urllib.error.URLError, OSError):
            found = []
        if found:
            return list(found)
        time.sleep(0.2)
    raise AssertionError(f"Prometheus has nothing for {query}")
