"""The command line as people run it: a process, its exit code, what it prints."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from aver.server.cli import main
from tests.servers import write_handbook
from tests.unit.knowledge.adapters.building import pdf

QUESTION = "How many days of unused leave carry over?"


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """A data directory with one tenant and its handbook, made through the command line with the real model."""
    folder = tmp_path_factory.mktemp("cli")
    handbook, acl = write_handbook(folder)
    data = folder / "data"
    aver(data, "tenant", "create", "northwind")
    report = aver(data, "ingest", str(handbook), "--tenant", "northwind", "--acl", str(acl))
    assert (report["added"], report["failed"]) == (2, [])
    return data


def run(data, *words, stdin=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AVER_")}
    return subprocess.run(
        [sys.executable, "-m", "aver", "--data", str(data), *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def aver(data, *words, code=0):
    """A command with ``--json``: its document, and nothing beside it."""
    done = run(data, *words, "--json")
    assert (done.returncode, done.stderr) == (code, ""), done
    return json.loads(done.stdout)


def test_ask_has_the_promised_form(installation):
    answer = aver(installation, "ask", QUESTION, "--tenant", "northwind", "--user", "ann", "--group", "staff")
    assert answer.keys() == {
        "turn", "conversation", "mode", "abstained", "answer", "sentences", "citations", "looked_at", "release",
        "usage", "latency_ms", "conflicts", "outdated", "notices",
    }  # fmt: skip
    assert answer["usage"].keys() >= {"input_tokens", "output_tokens", "cost_usd"}
    assert answer["mode"] == "extractive"
    for sentence in answer["sentences"]:
        assert sentence.keys() == {"text", "supported", "citations"}
    for citation in answer["citations"]:
        assert citation.keys() == {"document", "title", "uri", "version", "start", "end", "quote"}
        words = ("documents", "show", citation["document"], "--version", str(citation["version"]))
        document = aver(installation, *words, "--tenant", "northwind", "--user", "ann")
        assert document.keys() == {"document", "version", "title", "uri", "text", "blocks"}
        assert document["text"][citation["start"] : citation["end"]] == citation["quote"]
    assert any("ten days" in citation["quote"] for citation in answer["citations"])


def test_ask_reads_well(installation):
    done = run(installation, "ask", QUESTION, "--tenant", "northwind", "--user", "ann")
    assert done.returncode == 0
    assert "[1]" in done.stdout
    assert "Leave policy" in done.stdout
    assert "extractive" in done.stdout
    assert "evidence turn_" in done.stdout
    assert "\x1b" not in done.stdout


def test_an_abstention_says_what_was_looked_at(installation):
    done = run(installation, "ask", "What does a senior editor earn?", "--tenant", "northwind", "--user", "ann")
    assert done.returncode == 0
    assert "no answer given" in done.stdout
    assert "59,000" not in done.stdout
    shown = run(installation, "ask", "What does a senior editor earn?", "-t", "northwind", "-u", "bo", "-g", "board")
    assert "59,000" in shown.stdout


def test_a_conversation_goes_on(installation):
    first = aver(installation, "ask", "How many weeks is parental leave?", "-t", "northwind", "-u", "ann")
    words = ("ask", "Is it at full pay?", "-t", "northwind", "--conversation", first["conversation"])
    assert aver(installation, *words, "-u", "ann")["conversation"] == first["conversation"]
    assert aver(installation, *words, "-u", "bo", code=3)["status"] == 404


def test_search_and_list_show_what_may_be_read(installation):
    found = aver(installation, "search", "editor", "-t", "northwind", "-u", "ann", "--limit", "3")
    assert {hit["title"] for hit in found["passages"]} <= {"Leave policy"}
    scores = [hit["score"] for hit in found["passages"]]
    assert scores == sorted(scores, reverse=True)
    listed = aver(installation, "documents", "list", "-t", "northwind", "-u", "bo", "-g", "board")
    assert {document["title"] for document in listed["documents"]} == {"Leave policy", "Salary bands"}


def test_evidence_is_a_story_that_verifies(installation, tmp_path):
    turn = aver(installation, "ask", QUESTION, "-t", "northwind", "-u", "ann")["turn"]
    story = run(installation, "evidence", "show", turn).stdout.splitlines()
    assert f"ann asked: {QUESTION}" in story[0]
    assert "Sealed as record" in story[-1]
    assert aver(installation, "evidence", "verify")["ok"]
    out = tmp_path / "northwind.jsonl"
    aver(installation, "evidence", "export", "-t", "northwind", "--out", str(out))
    assert aver(tmp_path / "nowhere", "evidence", "verify", str(out))["ok"]
    out.write_bytes(out.read_bytes().replace(b'"retrieved"', b'"retreived"', 1))
    done = run(tmp_path / "nowhere", "evidence", "verify", str(out))
    assert done.returncode == 4
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ask", QUESTION, "-t", "nobody", "-u", "ann"), 3),
        (("ask", "why " * 25_000, "-t", "northwind", "-u", "ann"), 2),
        (("ask", "", "-t", "northwind", "-u", "ann"), 2),
        (("ask", QUESTION, "-t", "northwind", "-u", " ann"), 2),
        (("ask", QUESTION, "-t", "northwind", "-u", "ann", "--conversation", "none"), 3),
        (("ingest", "/does/not/exist", "-t", "northwind"), 3),
        (("documents", "show", "none", "-t", "northwind", "-u", "ann"), 3),
        (("documents", "delete", "none", "-t", "northwind", "-u", "ann"), 3),
        (("evidence", "show", "none"), 3),
        (("evidence", "verify", "/does/not/exist"), 3),
        (("evidence", "export", "-t", "northwind", "--out", "/does/not/exist"), 2),
    ],
)
def test_failures_have_a_code_and_a_line(installation, words, code, capsys):
    assert main(["--data", str(installation), *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_a_broken_access_list_is_usage(installation, tmp_path):
    acl = tmp_path / "acl.yaml"
    acl.write_text("- {match: '**', readers: [nobody]}\n")
    done = run(installation, "ingest", str(tmp_path), "-t", "northwind", "--acl", str(acl))
    assert done.returncode == 2
    assert f"{acl}:1" in done.stderr


def test_an_encrypted_document_is_read_with_the_passwords_in_a_file(tmp_path):
    folder, passwords, data = tmp_path / "pages", tmp_path / "passwords.txt", tmp_path / "data"
    folder.mkdir()
    (folder / "leave.pdf").write_bytes(pdf([[(72, 700, 12, "Leave is thirty days.")]], password="open sesame"))
    aver(data, "tenant", "create", "acme")
    report = aver(data, "ingest", str(folder), "-t", "acme")
    assert "--password-file" in report["failed"][0]["error"]
    passwords.write_text("wrong\nopen sesame\n")
    report = aver(data, "ingest", str(folder), "-t", "acme", "--password-file", str(passwords))
    assert (report["added"], report["failed"]) == (1, [])
    (listed,) = aver(data, "documents", "list", "-t", "acme", "-u", "ann")["documents"]
    shown = aver(data, "documents", "show", listed["id"], "-t", "acme", "-u", "ann")
    assert shown["text"] == "Leave is thirty days."
    (block,) = shown["blocks"]
    assert (block["kind"], block["start"], block["end"], block["page"]) == ("paragraph", 0, 21, 1)
    assert 0.1 < block["box"][0] < block["box"][2] < 0.4
    for path in data.rglob("*"):
        assert not path.is_file() or b"open sesame" not in path.read_bytes()
    passwords.unlink()
    assert run(data, "ingest", str(folder), "-t", "acme", "--password-file", str(passwords)).returncode == 3


def test_serve_answers_refuses_a_taken_port_and_stops(installation):
    key = aver(installation, "keys", "create", "-t", "northwind", "-u", "ann")["key"]
    command = [sys.executable, "-m", "aver", "--data", str(installation), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().removeprefix("Aver is at ").strip()
            request = urllib.request.Request(
                f"{address}/v1/ask",
                json.dumps({"question": QUESTION}).encode(),
                {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=60) as response:
                assert not json.load(response)["abstained"]
            done = run(installation, "serve", "--port", address.rpartition(":")[2])
            assert done.returncode == 1
            assert "in use" in done.stderr
        finally:
            server.send_signal(signal.SIGTERM)
        log = server.stderr.read()
    assert server.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    asked = [line for line in lines if line["message"] == "request"]
    assert [(line["http.route"], line["http.response.status_code"]) for line in asked] == [("/v1/ask", 200)]
    assert all(line["event.duration"] > 0 and line["ecs.version"] for line in asked)
    assert "carry over" not in log
    assert key not in log


def test_erasing_a_person(installation):
    turn = aver(installation, "ask", QUESTION, "-t", "northwind", "-u", "dee")["turn"]
    assert "dee asked" in run(installation, "evidence", "show", turn).stdout
    aver(installation, "erase", "-t", "northwind", "--subject", "user:dee")
    story = run(installation, "evidence", "show", turn).stdout
    assert "dee" not in story
    assert "erased" in story
    assert aver(installation, "evidence", "verify")["ok"]


async def test_mcp_speaks_for_the_holder_of_the_key(installation):
    """to the official client, over its pipes."""

    def key(*words):
        return aver(installation, "keys", "create", "--tenant", "northwind", *words)

    def client(secret):
        environment = {**os.environ, "AVER_API_KEY": secret}
        words = ["-m", "aver", "--data", str(installation), "mcp"]
        return Client(StdioServerParameters(command=sys.executable, args=words, env=environment))

    ann, bo = key("--user", "ann"), key("--user", "bo", "--group", "board")
    salary = {"query": "salary of a senior editor", "limit": 3}
    async with client(ann["key"]) as asked:
        assert [each.name for each in (await asked.list_tools()).tools] == ["search", "ask"]
        found = await asked.call_tool("search", salary)
        assert found.structured_content["passages"]
        assert not any("59,000" in each["text"] for each in found.structured_content["passages"])
        assert (await asked.call_tool("search", {"limit": 3})).is_error
        answer = await asked.call_tool("ask", {"question": QUESTION})
        assert "ten days" in answer.content[0].text
    async with client(bo["key"]) as asked:
        found = await asked.call_tool("search", salary)
        assert any("59,000" in each["text"] for each in found.structured_content["passages"])
        aver(installation, "keys", "revoke", bo["id"], "--tenant", "northwind")
        refused = await asked.call_tool("search", salary)
        assert refused.is_error
    done = run(installation, "mcp")
    assert (done.returncode, "AVER_API_KEY" in done.stderr) == (3, True)
