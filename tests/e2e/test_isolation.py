"""Random worlds, asked through every face: nobody learns of what they may not see, and the tests here can tell."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from aver.gateway import Gateway
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import GatewayConfig
from aver.knowledge.adapters.lancedb import LanceIndex
from tests.isolation.explore import Leak, explore
from tests.isolation.faces import Library
from tests.isolation.installation import installed
from tests.isolation.mutations import NOTICED, no_check_of_candidates, no_filter
from tests.isolation.parrot import parrot
from tests.isolation.scenarios import FOLLOWED, STORY, scenarios
from tests.isolation.twins import Interference
from tests.isolation.world import Content, TenantTruth, User

EXAMPLES = int(os.environ.get("AVER_ISOLATION_EXAMPLES", "12"))
"""Some hundreds for a night."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("isolation")) as served:
        yield served


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes seconds: shrinking one would take an hour
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(scenario=scenarios(steps=8))
def test_nobody_learns_of_what_they_may_not_see(installation, scenario):
    explore(installation, scenario)


@pytest.mark.parametrize("scenario", [STORY, FOLLOWED], ids=["story", "followed"])
def test_a_story_in_which_much_is_taken_away(installation, scenario):
    assert len(explore(installation, scenario).answers) > len(scenario.documents)


@pytest.mark.parametrize("scenario", [STORY, FOLLOWED], ids=["story", "followed"])
def test_a_model_that_repeats_all_it_is_told_tells_nothing_hidden(tmp_path, scenario):
    with parrot() as model, installed(tmp_path, model=model) as served:
        answers = explore(served, scenario).answers
    assert any('"supported":false' in answer for answer in answers)


@pytest.mark.parametrize(("mutation", "scenario", "said"), NOTICED, ids=[each[0].__name__ for each in NOTICED])
def test_it_fails_when_a_protection_is_removed(installation, monkeypatch, mutation, scenario, said):
    mutation(monkeypatch)
    with pytest.raises((Leak, Interference), match=said):
        explore(installation, scenario)


@pytest.mark.parametrize("face", range(12))
def test_it_fails_at_every_face_when_the_filter_is_removed(installation, monkeypatch, face):
    no_filter(monkeypatch)
    with pytest.raises(Leak):
        explore(installation, STORY, faces=[installation.faces[face]])


@pytest.fixture
def reader(installation):
    """A user of a tenant with one document that they may read, and what takes it from them."""
    truth = TenantTruth(installation.fresh_name("reader"))
    installation.create(truth)
    content = truth.offered["only.md"] = Content(truth.name, "only.md", 1, "travel")
    truth.readers["only.md"] = frozenset({"user:ann"})
    installation.ingest(truth)

    def revoke():
        truth.readers["only.md"] = frozenset()
        installation.ingest(truth)

    return installation.caller(User(truth.name, "ann", frozenset())), content, revoke


@pytest.mark.parametrize("mutation", [None, no_check_of_candidates], ids=["as it is", "unchecked"])
def test_what_is_revoked_while_it_is_searched_is_not_shown(installation, reader, monkeypatch, mutation):
    caller, content, revoke = reader
    if mutation:
        mutation(monkeypatch)
    search = LanceIndex.search

    def overtaken(*args, **options):
        found = search(*args, **options)
        revoke()
        return found

    monkeypatch.setattr(LanceIndex, "search", overtaken)
    shown = Library(installation.application).search(caller, "travel allowance").text
    assert (content.secret("first") in shown) == bool(mutation)


@pytest.mark.parametrize("revoked", [False, True])
def test_what_is_revoked_while_it_is_answered_is_not_shown(installation, reader, monkeypatch, revoked):
    caller, content, revoke = reader

    class Slow(Extractive):
        async def stream(self, request):
            if revoked:
                await asyncio.to_thread(revoke)
            async for delta in super().stream(request):
                yield delta

    application = installation.application
    config = GatewayConfig()
    gateway = Gateway(lambda: config, last_resort=Slow(application.embedder))
    monkeypatch.setitem(vars(application.serving), "gateway", gateway)
    shown = Library(application).ask(caller, "How many days is the travel allowance?").text
    assert (content.secret("first") in shown) != revoked
