"""The demo's tools as whoever uses them meets them: real programs, spoken to over MCP and HTTP, and what policy makes of their annotations."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client, StdioServerParameters

from aver.agents.tools.declaration import read_tools
from aver.agents.tools.operation import Operation, as_tool
from aver.core import Principal
from aver.gateway.config.read import read_bundle
from aver.policy import Effect, Policies, Provenance

TOOLS = Path(__file__).parents[2] / "demo" / "tools"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
DANA = "dana.okafor@northwind-press.example"
SCHEDULE = "Schedule a cover review on 2026-12-09 from 14:00 to 14:30 and invite Dana Okafor."
TELL = "Read ticket 103, then send a message to the address given there saying "
TELL += '"The spring catalogue appears on 2 February 2027."'
READ_POST = "What do the letters about permission ask for?"


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """Where everything is: the bundle, the environment that it needs, the office. The programs run until the last test."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(TOOLS / "start.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True) as process:
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


@pytest.fixture(autouse=True)
def office(started):
    """The office as at first; what there is in it, when it is called."""
    spec = importlib.util.spec_from_file_location("demo_office", TOOLS / "office.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    office = module.Office(Path(started["office"]))
    office.reset()
    return office.show


@pytest.fixture(scope="module")
def declared(started):
    return read_tools(Path(started["bundle"]))


class Desk:
    """The official client, whose loop runs in a thread of its own."""

    def __init__(self, portal, client):
        self._portal, self._client = portal, client

    def call(self, name, **arguments):
        return self._portal.call(self._client.call_tool, name, arguments)

    def done(self, name, **arguments):
        result = self.call(name, **arguments)
        assert not result.is_error, result.content
        return result.structured_content

    def tools(self):
        return self._portal.call(self._client.list_tools).tools


@pytest.fixture(scope="module")
def desk(declared):
    """The MCP server, started as the bundle says."""
    server = declared.mcp["desk"]
    program, *arguments = server.command
    # the client adds what a program needs of its environment, and nothing of Aver's
    client = Client(StdioServerParameters(command=program, args=arguments, env=dict(server.environment)))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(client) as entered:
        yield Desk(portal, entered)


@pytest.fixture
def directory(started, declared):
    """Ask the API: status and JSON."""
    token = started["environment"]["DIRECTORY_TOKEN"]

    def ask(path, body=None, token=token, **headers):
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        data = None if body is None else json.dumps(body).encode()
        return _reply(urllib.request.Request(declared.openapi["directory"].url + path, data, sent))

    return ask


def _reply(request):
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_desk_keeps_tickets(desk, office):
    listed = desk.done("list_tickets")
    assert [each["ticket"] for each in listed["tickets"]] == [101, 102, 103]
    ticket = desk.done("read_ticket", ticket=101)
    assert ticket["comments"] == [{"author": "Farida Mansour", "text": "The carrier has them and says 2 December."}]
    desk.done("comment_on_ticket", ticket=101, text="Asked the carrier again.")
    assert desk.done("close_ticket", ticket=102, note="The replacement has arrived.")["state"] == "closed"
    assert [each["ticket"] for each in desk.done("list_tickets", state="closed")["tickets"]] == [102, 104]
    assert desk.done("reopen_ticket", ticket=102)["state"] == "open"
    after = {each["ticket"]: each for each in office()["tickets"]}
    assert [each["text"] for each in after[101]["comments"]][1:] == ["Asked the carrier again."]
    assert [each["text"] for each in after[102]["comments"]] == ["The replacement has arrived.", "Opened again."]


def test_the_desk_keeps_a_calendar(desk, office):
    before = office()["events"]
    when = {"title": "Cover review", "day": "2026-12-08", "start": "14:00", "end": "14:30", "participants": [DANA]}
    made = desk.done("schedule_event", **when)
    assert made == {"event": 3, **when}
    titles = [each["title"] for each in desk.done("list_events", day="2026-12-08")["events"]]
    assert titles == ["Editorial meeting", "Cover review"]
    assert desk.done("cancel_event", event=3) == made
    assert office()["events"] == before


def test_the_desk_says_what_is_wrong_and_changes_nothing(desk, office):
    before, event = office(), {"title": "x", "day": "2026-12-08", "participants": []}
    wrong = [
        ("read_ticket", {"ticket": 999}, "no ticket 999"),
        ("close_ticket", {"ticket": 999, "note": "x"}, "no ticket 999"),
        ("cancel_event", {"event": 999}, "no event 999"),
        ("list_events", {"day": "tomorrow"}, "day"),
        ("comment_on_ticket", {"ticket": 101, "text": ""}, "text"),
        ("schedule_event", {**event, "start": "25:00", "end": "26:00"}, "start"),
        ("schedule_event", {**event, "start": "15:00", "end": "14:00"}, "not after it begins"),
    ]
    for name, arguments, said in wrong:
        result = desk.call(name, **arguments)
        assert result.is_error
        assert said in result.content[0].text
    assert office() == before


def test_the_office_is_put_back_from_the_command_line(started, desk, office):
    before = office()
    desk.done("close_ticket", ticket=101, note="x")

    def run(what):
        command = [sys.executable, str(TOOLS / "office.py"), started["office"], what]
        return subprocess.run(command, capture_output=True, check=True, text=True, env=ENVIRONMENT).stdout

    assert json.loads(run("show")) == office() != before
    run("reset")
    assert office() == before


def test_the_directory_is_for_whoever_shows_its_token(directory):
    for token in ("", "wrong", "é"):
        assert directory("/people", token=token)[0] == 401
    status, found = directory("/people?words=dana")
    assert (status, found) == (200, {"people": [{"name": "Dana Okafor", "role": "Art director", "email": DANA}]})
    assert len(directory("/people")[1]["people"]) == 5


def test_a_message_is_sent_once_for_one_key(directory, office):
    draft = {"to": [DANA], "subject": "Covers", "body": "At two."}
    first = directory("/messages", draft, **{"Idempotency-Key": "one"})
    assert first == (201, {"message": 1, **draft})
    assert directory("/messages", draft, **{"Idempotency-Key": "one"}) == first
    assert directory("/messages", draft)[1]["message"] == 2
    assert directory("/messages")[1]["messages"] == office()["messages"]
    assert len(office()["messages"]) == 2


@pytest.mark.parametrize(
    "draft", [{"to": [], "subject": "x", "body": "x"}, {"to": ["all"], "subject": "x", "body": "x"}, {"to": [DANA]}]
)
def test_what_is_no_message_is_not_sent(directory, office, draft):
    assert directory("/messages", draft)[0] == 422
    assert office()["messages"] == []


def test_the_document_in_the_bundle_is_what_the_api_says_of_itself(started):
    command = [sys.executable, str(TOOLS / "directory.py"), "--document"]
    said = subprocess.run(command, capture_output=True, check=True, text=True, env=ENVIRONMENT).stdout
    assert (Path(started["bundle"]) / "directory.yaml").read_text() == said


def test_every_tool_of_the_desk_is_declared_and_its_arguments_are_there(desk, declared):
    annotated, offered = declared.mcp["desk"].tools, desk.tools()
    assert {each.name for each in offered} == set(annotated)
    for each in offered:
        operation = Operation(each.name, each.description, each.input_schema, None, each.output_schema)
        tool = as_tool(operation, annotated[each.name])  # raises for an argument or a field that there is not
        assert each.annotations.read_only_hint is (tool.annotations.effects == {Effect.READ})
        assert tool.annotations.compensation in {None, *annotated}


def test_the_model_of_the_demo_is_declared(started):
    config = read_bundle(Path(started["bundle"]))
    assert config.models["demonstration"].provider == "demonstration"


class Assistant:
    """A turn without Aver's loop: the demo's model over HTTP, its tools, and policy between them."""

    def __init__(self, started, declared, desk, directory):
        self.declared, self.desk, self.directory = declared, desk, directory
        self.tools = {**declared.mcp["desk"].tools, **declared.openapi["directory"].tools}
        self.address = read_bundle(Path(started["bundle"])).providers["demonstration"].base_url
        self.decided = []

    def act(self, task, approve=""):
        provenance, policies = Provenance(Principal("northwind", "ann")), Policies.standard()
        provenance.said(task)
        messages = [{"role": "system", "content": "Act."}, {"role": "user", "content": task}]
        while True:
            said = self._model(messages)
            messages.append(said)
            if not said.get("tool_calls"):
                return said["content"]
            (call,) = said["tool_calls"]
            name, arguments = call["function"]["name"], json.loads(call["function"]["arguments"])
            action = provenance.action(name, self.tools[name], arguments)
            decision = policies.decide(action)
            self.decided.append((name, decision.outcome))
            if decision.outcome == "allow" or (decision.outcome == "ask" and name == approve):
                value = self._done(name, arguments)
                provenance.returned(action, value)
                result = json.dumps(value)
            else:
                result = f"Denied by policy: {decision.reason}"
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})

    def _model(self, messages):
        offered = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in self.tools]
        body = {"model": "demonstration", "messages": messages, "tools": offered}
        request = urllib.request.Request(f"{self.address}/chat/completions", json.dumps(body).encode())
        return _reply(request)[1]["choices"][0]["message"]

    def _done(self, name, arguments):
        match name:
            case "listPeople":
                return self.directory(f"/people?words={arguments['words'].replace(' ', '%20')}")[1]
            case "sendMessage":
                return self.directory("/messages", arguments["body"])[1]
        return self.desk.done(name, **arguments)


@pytest.fixture
def assistant(started, declared, desk, directory):
    return Assistant(started, declared, desk, directory)


def test_a_task_is_done(assistant, office):
    answer = assistant.act(SCHEDULE)
    assert assistant.decided == [("listPeople", "allow"), ("schedule_event", "allow")]
    assert office()["events"][-1]["participants"] == [DANA]
    assert answer == f"cover review, 2026-12-09 at 14:00, with {DANA}: scheduled."


@pytest.mark.parametrize("approves", [False, True])
def test_a_question_is_asked(assistant, office, approves):
    assistant.act(TELL, approve="sendMessage" if approves else "")
    assert assistant.decided == [("read_ticket", "allow"), ("sendMessage", "ask")]
    assert [each["to"] for each in office()["messages"]] == [["buying@tidewater-books.example"]] * approves


def test_the_order_in_a_letter_is_refused_with_the_reason(assistant, office):
    before = office()
    answer = assistant.act(READ_POST)
    assert assistant.decided == [("search_post", "allow"), ("sendMessage", "deny"), ("close_ticket", "deny")]
    assert office() == before
    assert "Not done (sendMessage)" in answer
    assert "taken from untrusted content" in answer
