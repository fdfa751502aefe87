"""What is revoked or deleted is invisible everywhere from the next request on: on every surface, each looked at first after the change."""

from __future__ import annotations

import pytest

from aver.knowledge.ingest import document_id
from tests.isolation.installation import installed
from tests.isolation.mutations import no_filter
from tests.isolation.parrot import parrot
from tests.isolation.surfaces import COMMANDS, ROUTES, Visitor, every_command, every_route
from tests.isolation.world import Content, TenantTruth, User
from tests.knowledge import MemorySource, access
from tests.unit.knowledge.adapters.building import pdf

_BUNDLE = """
unknown_price: highest
providers:
  parrot: {kind: openai, base_url: URL}
models:
  model: {provider: parrot}
routes:
  assistant: {models: [model], cache: {exact: 10m, semantic: 10m, shadow: 0, wrong: 0.2, prior: true, shared: true}}
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("invisible")
    with parrot() as model:
        (folder / "aver.yaml").write_text(_BUNDLE.replace("URL", model.base_url))
        with installed(folder / "data", bundle=folder) as served:
            yield served


class Taking:
    """A tenant with one marked document that ann may read, and what gives and takes it."""

    def __init__(self, installation, folder):
        truth = TenantTruth(installation.fresh_name("taking"))
        installation.create(truth)
        caller = installation.caller(User(truth.name, "ann", frozenset({"hr"})))
        mark = Content(truth.name, "marked.pdf", 1, "travel")
        self.source = mark.secret("first")  # of a source too is told only where there is something to read
        self.path = f"{mark.secret('first')}.pdf"
        self.knowledge = installation.application.tenant(truth.name).knowledge
        self.file = _printed(mark)
        document = document_id(self.source, self.path)
        self.visitor = Visitor(installation, caller, self.source, mark, document, folder)

    def _ingest(self, files, readers):
        report = self.knowledge.ingest(MemorySource(files, self.source), access(dict.fromkeys(files, readers)))
        assert not report.failed

    def give(self):
        self._ingest({self.path: self.file}, ["group:hr"])

    def revoked(self):
        self._ingest({self.path: self.file}, ["group:board"])

    def deleted(self):
        self.knowledge.delete(self.visitor.caller.principal, self.visitor.document)


def _printed(content):
    text = (
        f"{content.text}\nA travel token is a small card that opens the gate of {content.secret('first')} for a day.\n"
    )
    lines = text.replace("#", "").strip().splitlines()
    shown = [(72.0, 720.0 - 30 * place, 12.0, line.strip()) for place, line in enumerate(lines) if line]
    return pdf([shown], title=f"Rules {content.secret('first')}")


LOOKS = [
    pytest.param(look, id=f"{where} {number}")
    for where, looks in {**ROUTES, **COMMANDS}.items()
    if not isinstance(looks, str)
    for number, look in enumerate(looks)
]


@pytest.fixture(scope="module", params=["revoked", "deleted"])
def taking(request, installation, tmp_path_factory):
    made = Taking(installation, tmp_path_factory.mktemp("drafts"))
    made.take = getattr(made, request.param)
    return made


def test_every_address_and_command_says_what_is_seen_there(installation):
    assert set(every_route(installation.served)) == set(ROUTES)
    assert set(every_command()) == set(COMMANDS)


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_is_seen_of_what_was_taken_away(taking, look):
    visitor = taking.visitor
    taking.give()
    visitor.forget()
    assert visitor.mark in look(visitor)
    assert visitor.mark in look(visitor)  # whatever is kept for the next time is kept by now
    taking.take()
    assert visitor.mark not in look(visitor)


def test_answers_given_before_were_given_again(taking):
    taking.give()
    visitor = taking.visitor
    visitor.forget()
    ask = visitor.face("HTTP").ask
    for question in (visitor.question, visitor.question, visitor.question.removesuffix("?")):
        assert visitor.mark in ask(visitor.caller, question).text
    served = visitor.installation.served.tenant(visitor.caller.tenant_id)
    served.outbox.settle()
    verdicts = {step.facts["cache"] for step in served.ledger.of_kind("called")}
    assert {"exact", "semantic"} <= verdicts
    taking.take()
    for question in (visitor.question, visitor.question.removesuffix("?")):
        assert visitor.mark not in ask(visitor.caller, question).text


@pytest.mark.parametrize("where", ["POST /v1/search", "POST /v1/ask", "search"])
def test_it_is_noticed_when_the_filter_is_removed(taking, where, monkeypatch):
    taking.give()
    look = {**ROUTES, **COMMANDS}[where][0]
    assert taking.visitor.mark in look(taking.visitor)
    taking.revoked()
    no_filter(monkeypatch)
    assert taking.visitor.mark in look(taking.visitor)
