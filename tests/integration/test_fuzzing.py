"""Schemathesis at every route of the API, as its OpenAPI document describes it: no server error, and no answer that the document does not tell of."""

import os
import re
import subprocess
import sys
import tempfile

import pytest

from aver.core.settings import Settings
from tests.servers import fill, open_application, serving

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
TAKES_ITSELF = r"^/v1/keys/\{key\}"
"""What would revoke the key that all else is asked with, once the ids of keys are known."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzing")
    application = open_application(Settings(data=folder / "data"))
    fill(application, folder)
    application.create_key("northwind", "another", roles=["member"])
    with serving(application) as served:
        yield served
    application.close()


def run(server, *options, role="owner"):
    """What Schemathesis prints, and how many cases it made."""
    key = server.application.create_key("northwind", "olga", roles=[role])[1]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
    command += ["-H", f"Authorization: Bearer {key}", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"]
    command += ["--max-examples", "4", "--seed", "1", "--continue-on-failure", *options]
    with tempfile.TemporaryDirectory() as folder:  # where it keeps what it found
        environment = {**os.environ, "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
    assert done.returncode == 0, done.stdout[-6000:]
    made = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert made, done.stdout[-2000:]
    assert made[1] == made[2]
    return done.stdout, int(made[1])


def test_an_owner_finds_no_error_at_any_route(server):
    told, made = run(server, "--exclude-path-regex", TAKES_ITSELF)
    assert made > 1000
    lost = re.search(r"401 Unauthorized \((\d+) operations?\)", told)
    assert lost is None, told


def test_nor_where_the_key_itself_may_be_taken(server):
    assert run(server, "--include-path-regex", TAKES_ITSELF)[1] > 10


def test_nor_somebody_who_may_little(server):
    assert run(server, "--include-method", "GET", "--max-examples", "2", role="member")[1] > 100
