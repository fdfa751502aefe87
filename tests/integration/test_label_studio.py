"""A real Label Studio: what Aver exports is imported there, labelled by two people through its API, exported, and read back.

``make test`` installs it into ``.label-studio``, apart from everything else.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aver.evals.datasets.adapters.label_studio import config, read_annotated, tasks
from aver.evals.datasets.fields import fields_of
from aver.evals.labelling.labels import Label, settle
from aver.evals.types import Called, Case, Message, Quote

PROGRAM = Path(__file__).resolve().parents[2] / ".label-studio" / "bin" / "label-studio"
PATIENCE = 600
"""Seconds for the first start, which makes its database."""

CASES = [
    Case(
        id="leave",
        question='How many days <b>carry</b> over & "when"?\nPer year?',
        status="draft",
        origin="production",
        history=(Message("user", "I work half of the week."),),
        groups=("hr",),
        user="person-1",
        metadata={"turn": "turn_1", "answer": "Ten.", "nested": {"a": [1, None, 2.5]}},
    ),
    Case(id="atlantis", question="Who founded Atlantis? 亚特兰蒂斯 \N{GREEK SMALL LETTER ALPHA}", unanswerable=True),
    Case(id="task", question="Book it", calls=(Called("book", {"day": 1}),), tags=("a; b",)),
    Case(
        id="quoted",
        question="Where?",
        passages=(Quote("a.md", "In the “attic”."),),
        split="test",
        cluster="document:a.md",
    ),
]


@dataclass
class LabelStudio:
    url: str
    token: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:1000]!r}") from None


@pytest.fixture(scope="module")
def label_studio(tmp_path_factory) -> Iterator[LabelStudio]:
    assert PROGRAM.exists(), f"there is no Label Studio; install it: make {PROGRAM.parent.parent.name}/stamp"
    folder, token = tmp_path_factory.mktemp("label-studio"), secrets.token_hex(20)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "HOME": str(folder),
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        # It would tell its makers of itself, and look for a newer version.
        "COLLECT_ANALYTICS": "False",
        "LATEST_VERSION_CHECK": "False",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    words = ["start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    words += ["--username", "ann@example.org", "--password", secrets.token_hex(8), "--enable-legacy-api-token"]
    log = folder / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [PROGRAM, *words, "--user-token", token], env=environment, cwd=folder, stdout=output, stderr=output
        )
    server = LabelStudio(f"http://127.0.0.1:{port}", token)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                server.ask("GET", "/health")
                break
            except (OSError, AssertionError):
                assert running.poll() is None, log.read_text(errors="replace")[-3000:]
                assert time.monotonic() < until, log.read_text(errors="replace")[-3000:]
                time.sleep(0.5)
        yield server
    finally:
        running.terminate()
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def result(name: str, **value: Any) -> dict[str, Any]:
    kind = {"choices": "choices", "text": "textarea", "rating": "rating"}[next(iter(value))]
    return {"from_name": name, "to_name": "question", "type": kind, "value": value}


def test_cases_and_labels_come_back(label_studio, tmp_path):
    project = label_studio.ask("POST", "/api/projects", {"title": "Aver", "label_config": config()})["id"]
    found = label_studio.ask("POST", f"/api/projects/{project}/import?return_task_ids=true", list(tasks(CASES)))
    assert found["task_count"] == len(CASES)
    by_case = dict(zip([case.id for case in CASES], found["task_ids"], strict=True))
    ten = [
        result("kind", choices=["answerable"]),
        result("answers", text=["ten days", "up to ten"]),
        result("grade", rating=4),
    ]
    annotations = [
        ("leave", ten, {}),
        ("leave", [result("kind", choices=["answerable"]), result("documents", text=["leave.md"])], {}),
        ("atlantis", [result("kind", choices=["refuse"])], {"ground_truth": True}),
        ("task", [result("kind", choices=["unanswerable"])], {"was_cancelled": True}),
        ("quoted", [result("expected", text=["In the “attic”. 屋根裏"])], {}),
    ]
    for name, results, more in annotations:
        label_studio.ask("POST", f"/api/tasks/{by_case[name]}/annotations/", {"result": results, **more})
    export = tmp_path / "export.json"
    exported = label_studio.ask("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
    export.write_text(json.dumps(exported, ensure_ascii=False), encoding="utf-8")

    who = exported[0]["annotations"][0]["completed_by"]
    back = read_annotated(export, {str(who): "ann"})
    assert {case.id: fields_of(case) for case in back.imported.cases} == {case.id: fields_of(case) for case in CASES}
    said = {
        (label.case, json.dumps(label.says, ensure_ascii=False), label.grade, label.settles) for label in back.labels
    }
    assert said == {
        ("leave", '{"answers": ["ten days", "up to ten"]}', 0.75, False),
        ("leave", '{"documents": ["leave.md"]}', None, False),
        ("atlantis", '{"refuse": true}', None, True),
        ("quoted", '{"expected": "In the “attic”. 屋根裏"}', None, False),
    }
    assert {label.labeller for label in back.labels} == {"ann"}
    assert back.imported.left_out == {"an annotation that was skipped": 1}
    two = [
        label if at else Label("leave", "bo", label.says)
        for at, label in enumerate(each for each in back.labels if each.case == "leave")
    ]
    settled = settle(CASES[0], two)
    assert (settled.status, settled.case.answers, settled.case.documents) == (
        "settled",
        ("ten days", "up to ten"),
        ("leave.md",),
    )


def test_its_own_tasks_are_read_too(label_studio, tmp_path):
    """A project made without Aver: its question becomes the case, and its choices under other names are counted."""
    look = '<View><Text name="t" value="$text"/><Choices name="mood" toName="t"><Choice value="good"/></Choices></View>'
    project = label_studio.ask("POST", "/api/projects", {"title": "Theirs", "label_config": look})["id"]
    ids = label_studio.ask(
        "POST", f"/api/projects/{project}/import?return_task_ids=true", [{"data": {"text": "Why so?", "topic": "x"}}]
    )
    results = [{"from_name": "mood", "to_name": "t", "type": "choices", "value": {"choices": ["good"]}}]
    label_studio.ask("POST", f"/api/tasks/{ids['task_ids'][0]}/annotations/", {"result": results})
    export = tmp_path / "export.json"
    export.write_text(json.dumps(label_studio.ask("GET", f"/api/projects/{project}/export?exportType=JSON")))
    found = read_annotated(export, {})
    (case,) = found.imported.cases
    assert (case.question, case.metadata["topic"], found.labels) == ("Why so?", "x", ())
    assert found.imported.left_out == {"a result of mood field": 1, "an annotation that says nothing": 1}
