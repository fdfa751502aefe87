"""What is evaluated, and what is made of it: one shape of response, whatever it was."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aver.agents import Assistant, Release, Released
from aver.agents.parts import always
from aver.core import Principal
from aver.core.errors import AverError, InvalidInput, NotFound
from aver.evals.labels import Golds, Labels
from aver.evals.scorers.kinds import Means, named_gold
from aver.evals.scorers.registry import Declared, scorers_of
from aver.evals.targets.agent import AgentTarget
from aver.evals.targets.asking import Asker
from aver.evals.targets.assistant import AssistantTarget, SearchTarget
from aver.evals.targets.endpoint import filled, pointed
from aver.evals.targets.function import Function
from aver.evals.targets.model import ModelTarget
from aver.evals.targets.null import Null, Oracle
from aver.evals.targets.recorded import RecordedFile, RecordedTurns
from aver.evals.types import Called, Case, Message, Quote, Response
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import GatewayConfig
from aver.gateway.service import Gateway
from aver.guard import NOTHING, Guard, Rail, Verdict
from aver.policy import Action, Decision, Effect
from tests.unit.agents.acting.scene import SEND, Scene, Script, Scripted, schema

WEEKS = Case(
    "weeks", "How many weeks does every parent get at full pay?", documents=("leave.md",), answers=("16 weeks",)
)
NOBODYS = Case("atlantis", "Who founded Atlantis?", unanswerable=True)
CLOSED = Case("bands", "How many bands do senior editors have?", user="bo", groups=("board",), answers=("3 bands",))


def assistant_of(acme, guard: Guard = NOTHING) -> Assistant:
    embedder = acme.knowledge._embedders.default
    gateway = Gateway(GatewayConfig, last_resort=Extractive(embedder))
    release = Release(Extractive.name, embedder.name)
    released = Released(release, gateway, guard=lambda: guard)
    return Assistant(acme.store, acme.ledger, acme.knowledge, acme.clock, embedder, always(released))


def target_of(acme, decided: str = "d") -> AssistantTarget:
    embedder, who = acme.knowledge._embedders.default, Asker(acme.user("ann"))
    return AssistantTarget(assistant_of(acme), acme.knowledge, embedder, who, acme.clock, decided)


async def judged(case: Case, response: Response, acme) -> dict[str, tuple[float, float]]:
    who = Asker(acme.user("ann"))
    means = Means(gold=Golds(Labels(acme.knowledge), who), embedder=lambda: acme.knowledge._embedders.default)
    found: dict[str, tuple[float, float]] = {}
    for scorer in scorers_of([Declared(name) for name in ("retrieval", "answers", "citations", "groundedness")], means):
        found |= (await scorer.score(case, response))[0]
    return found


async def test_the_assistant_is_asked_as_the_person_a_case_names(acme):
    target = target_of(acme)
    found = await target.respond(CLOSED)
    assert "3 bands" in found.text
    assert (
        found.citations[0].text
        in acme.knowledge.document(
            Principal(acme.user("x").tenant, "bo", frozenset({"board"})), found.citations[0].document
        ).text
    )
    values = await judged(CLOSED, found, acme)
    assert values["right_of_answered"] == values["gold_in_context"] == (1, 1)
    # Somebody else is not told.
    other = await target.respond(Case("other", CLOSED.question))
    assert "3 bands" not in other.text + "".join(each.text for each in (*other.ranking, *other.looked))
    (step,) = (each for each in acme.ledger.turn(found.turn) if each.kind == "admitted")
    assert step.body["user"] == "bo"


async def test_a_turn_is_read_from_its_evidence(acme):
    target = target_of(acme)
    found = await target.respond(WEEKS)
    hits = acme.knowledge.search(acme.user("ann"), WEEKS.question, 100)
    assert [(each.document, each.start) for each in found.ranking] == [(hit.document, hit.start) for hit in hits]
    assert found.mode == "extractive"
    assert found.supported == (True,) * len(found.supported)
    assert all(each.text for each in found.looked)
    assert found.confidence > 0 > (await target.respond(NOBODYS)).confidence
    assert found.calls == ()
    assert found.first_ms is not None
    values = await judged(WEEKS, found, acme)
    assert values["groundedness"] == values["verified"] == (1, 1)
    # The same from the record alone, by whoever asked, and by nobody else.
    recorded = RecordedTurns(
        assistant_of(acme).evidence,
        lambda who, document, version: acme.knowledge.document(who, document, version).text,
        Asker(acme.user("ann")),
    )
    again = await recorded.respond(Case("c", "?", metadata={"turn": found.turn}))
    assert (again.text, again.citations, again.looked, again.supported) == (
        found.text,
        found.citations,
        found.looked,
        found.supported,
    )
    with pytest.raises(NotFound):
        await recorded.respond(Case("c", "?", user="eve", metadata={"turn": found.turn}))
    with pytest.raises(NotFound, match="names no turn"):
        await recorded.respond(Case("c", "?"))


async def test_what_is_held_back_is_known_in_extractive_mode(acme):
    found = await target_of(acme).respond(NOBODYS)
    assert found.abstained
    assert "held_back" in found.details
    values = await judged(NOBODYS, found, acme)
    assert (values["held_back"], values["right_if_given"]) == ((1, 1), (0, 1))


async def test_a_question_that_a_check_holds_back_is_refused(acme):
    class Everything:
        name = "everything"

        async def check(self, text, place):
            return Verdict(self.name, "flag", (), "it is a question")

    embedder = acme.knowledge._embedders.default
    guard = Guard({"input": [Rail(Everything(), "block")]})
    target = AssistantTarget(
        assistant_of(acme, guard), acme.knowledge, embedder, Asker(acme.user("ann")), acme.clock, "d"
    )
    found = await target.respond(WEEKS)
    assert found.refused
    assert found.verdicts[0]["verdict"] == "block"
    for case, measure in ((Case("r", "?", refuse=True), "refusal"), (WEEKS, "compliance")):
        (scorer,) = scorers_of([Declared("refusal")], Means())
        values, _ = await scorer.score(case, found)
        assert values == {measure: (float(case.refuse), 1.0)}


async def test_digests_follow_documents_and_who_asks(changing):
    who = Asker(changing.user("ann"))

    def digest(asker: Asker) -> str:
        return SearchTarget(changing.knowledge, asker, changing.clock, changing.knowledge.state()).digest

    before = digest(who)
    assert digest(who) == before
    assert digest(Asker(changing.user("bo", "board"))) != before
    document = next(each.id for each in changing.knowledge.documents(changing.user("ann")) if each.path == "copy.md")
    changing.knowledge.delete(changing.user("ann"), document)
    assert digest(who) != before


async def test_an_agent_really_acts_and_its_evidence_says_what_came_of_it(tmp_path):
    def decide(action: Action) -> Decision:
        if action.arguments.get("to") == "eve":
            return Decision("deny", "Not to eve.", ("eve",))
        sends = Effect.SEND in action.annotations.effects and action.arguments.get("to") == "cy"
        return Decision("ask", "It leaves.", ("cy",)) if sends else Decision("allow", "Fine.", ("all",))

    send = Scripted("send", SEND, schema(to="string", text="string"))
    calls = [("send", {"to": "bob", "text": "hi"}), ("send", {"to": "eve", "text": "hi"})]
    scene = Scene(tmp_path, Script(calls, "Done."), [send], decide)

    @asynccontextmanager
    async def acting():
        yield scene.acting

    target = AgentTarget("agent", acting, scene.acting.turns.evidence, Asker(scene.ann), "")
    try:
        found = await target.respond(Case("c", "Say hi to bob and eve"))
        assert found.text == "Done."
        assert found.calls == (
            Called("send", {"to": "bob", "text": "hi"}),
            Called("send", {"to": "eve", "text": "hi"}, "deny", done=False),
        )
        assert found.state["performed"] == [
            {"tool": "send", "arguments": {"to": "bob", "text": "hi"}, "status": "done"}
        ]
        assert found.input_tokens
        assert len(send.done) == 1
        assert target.digest == ""
        # Nobody approves: what waits for a person ends there.
        scene.model.replies = [[("send", {"to": "cy", "text": "hi"})], "Done."]
        waiting = await target.respond(Case("c", "Say hi to cy"))
        assert waiting.calls == (Called("send", {"to": "cy", "text": "hi"}, "ask", done=False),)
        assert waiting.state["performed"] == []
        assert len(send.done) == 1
    finally:
        scene.close()


async def test_a_model_is_given_what_was_said_before(tmp_path):
    scene = Scene(tmp_path, Script("Four."), [])
    records = []
    target = ModelTarget(
        scene.model.name,
        scene.parts.model,
        Asker(scene.ann),
        lambda call, record: records.append(record),
        scene.clock,
        lambda: "config",
    )
    try:
        history = (Message("system", "Be brief."), Message("user", "Hello"), Message("assistant", "Hi"))
        found = await target.respond(Case("c", "Two and two?", history=history), seed=9)
        request = scene.model.requests[-1]
        assert [(each.role, each.text) for each in request.messages] == [
            ("system", "Be brief."),
            ("user", "Hello"),
            ("assistant", "Hi"),
            ("user", "Two and two?"),
        ]
        assert request.seed == 9
        assert (found.text, found.input_tokens, found.output_tokens) == ("Four.", 100, 10)
        assert len(records) == 1
        assert records[0].feature == "evaluation" or records[0].user == "ann"
    finally:
        scene.close()


FUNCTIONS = """
from aver.evals.types import Called, Response

def text(case):
    return f"{case.id} {case.expected} {case.variables['n']}"

def seeded(case, seed):
    return {"seed": seed}

async def whole(case):
    return Response(text="x", calls=(Called("a", {"b": 1}),))

def mapping(case):
    return {"text": "y", "cost_usd": 0.5}

def odd(case):
    return {"text": "y", "costs": 1}
"""


async def test_functions_are_shown_what_is_asked_and_never_the_labels(tmp_path):
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    case = Case("c", "?", expected="secret", answers=("secret",), variables={"n": 3})

    async def respond(name: str, seed: int = 0) -> Response:
        target = Function(f"{tmp_path}/mine.py:{name}")
        try:
            return await target.respond(case, seed=seed)
        finally:
            await target.close()

    assert (await respond("text")).text == "c None 3"
    assert (await respond("text")).latency_ms > 0
    assert (await respond("seeded", 7)).value == {"seed": 7}
    assert (await respond("whole")).calls == (Called("a", {"b": 1}),)
    assert (await respond("mapping")).cost_usd == 0.5
    with pytest.raises(AverError, match="costs"):
        await respond("odd")
    digests = {Function("a.py:b").digest, Function("a.py:b", "1").digest, Function("a.py:b", "2").digest}
    assert len(digests) == 3
    assert "" in digests


def test_bodies_of_endpoints_say_what_the_case_does():
    case = Case("c7", 'Is "x" {id}?', variables={"k": [1, None]}, history=(Message("user", "Hi"),))
    template = {
        "q": "Q: {question} ({id})",
        "raw": "{variables.k}",
        "said": "{history}",
        "n": 3,
        "list": ["{id}", "{other}"],
    }
    assert filled(template, case) == {
        "q": 'Q: Is "x" {id}? (c7)',
        "raw": [1, None],
        "said": [{"role": "user", "content": "Hi"}],
        "n": 3,
        "list": ["c7", "{other}"],
    }
    with pytest.raises(InvalidInput, match=r"no variables\.none"):
        filled("{variables.none}", case)
    reply = {"a/b": [{"~": "found"}], "": 1}
    assert pointed(reply, "/a~1b/0/~0") == "found"
    assert pointed(reply, "") is reply
    for wrong in ("/none", "/a~1b/1", "/a~1b/x", "/a~1b/0/~0/deeper"):
        with pytest.raises(LookupError):
            pointed(reply, wrong)


async def test_responses_of_a_file(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    lines = [{"case": "a", "text": "one"}, {"case": "b", "abstained": True}, {"case": "a", "text": "two"}]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    target = RecordedFile(path)
    said = [(await target.respond(Case("a", "?"))).text for _ in range(3)]
    assert said == ["one", "two", "one"]
    assert (await target.respond(Case("b", "?"))).abstained
    with pytest.raises(NotFound, match="no response to c"):
        await target.respond(Case("c", "?"))
    path.write_text('{"case": "a", "text": "one"}\n{"case": "a", "says": "one"}\n')
    with pytest.raises(InvalidInput, match=r"r\.jsonl:2"):
        RecordedFile(path)


async def test_the_oracle_reaches_what_doing_nothing_does_not(acme):
    who = Asker(acme.user("ann"))
    golds = Golds(Labels(acme.knowledge), who)
    quoted = Case("q", "?", passages=(Quote("leave.md", "Unused leave carries over"),))
    for case in (WEEKS, CLOSED, quoted):
        best = await judged(case, await Oracle(golds).respond(case), acme)
        nothing = await judged(case, await Null().respond(case), acme)
        for name in ("answered", "gold_in_context", "gold_in_citations"):
            assert (best[name], nothing[name]) == ((1, 1), (0, 1)), (case.id, name)
        assert best["right_of_answered"] == best["passage_mrr"] == (1, 1)
    loose = Case("l", "?", documents=("somewhere",), answers=("ten",))
    assert (await Oracle(named_gold).respond(loose)).text == "ten"
    refused = await Oracle(named_gold).respond(Case("r", "?", refuse=True, expected="never"))
    assert (refused.refused, refused.text, refused.citations) == (True, "", ())
