"""Flags as turns have them: which variants decided stands in their evidence, its story and its export."""

from dataclasses import replace
from functools import partial

import pytest

from aver.knowledge.access import AccessList
from aver.releases.flags.service import SWITCH
from aver.server.application import Application
from aver.server.story import tell
from aver.server.switching import lift_switch, throw_switch
from aver.testing import HashEmbedder
from tests.knowledge import MemorySource
from tests.unit.server.releases import home
from tests.unit.server.test_servings import LEAVE, QUESTION

FLAGS = """
flags:
  declared:
    brief:
      variants: {"on": true, "off": false}
      default: "off"
      rules: [{groups: [pilots], variant: "on"}]
    user: {variants: {few: 3}, default: few}
"""


@pytest.fixture
def place(tmp_path):
    with home(tmp_path) as found:
        found.promote(found.freeze("flagged", "retrieval: {passages: 3}\n" + FLAGS))
        services = found.application.tenant("acme")
        services.knowledge.ingest(MemorySource({"leave.md": LEAVE}), AccessList.everyone())
        yield found


async def admitted(place, groups=("pilots",)):
    services = place.application.tenant("acme")
    answer = await services.assistant.ask(services.principal("ann", groups), QUESTION)
    return services.ledger.turn(answer.turn)[0]


async def test_a_turn_says_which_flags_decided_and_so_do_its_story_and_its_export(place, tmp_path):
    pilot, other = await admitted(place), await admitted(place, ())
    assert pilot.facts["flags"] == ["brief/on", "user/few"]
    assert other.facts["flags"] == ["brief/off", "user/few"]
    (moment,) = tell([pilot])
    assert "flags brief: on, user: few)" in moment.sentence
    out = tmp_path / "chain.jsonl"
    place.application.tenant("acme").ledger.export(out)
    assert '"brief/on"' in out.read_text().replace("\\", "")
    await place.application.aclose()


async def test_a_flag_that_is_killed_decides_nothing_for_the_next_turn_also_of_one_tenant(place):
    application = place.application
    throw = partial(throw_switch, application, "feature", f"{SWITCH}brief", reason="it confuses people")
    stop = throw(tenant=place.tenant.id)
    application.switches._asked = float("-inf")
    assert (await admitted(place)).facts["flags"] == ["brief/off", "user/few"]
    lift_switch(application, stop)
    other = application.store.create_tenant("globex")
    throw(tenant=other.id)
    application.switches._asked = float("-inf")
    assert (await admitted(place)).facts["flags"] == ["brief/on", "user/few"]
    await application.aclose()


async def test_a_bundle_that_is_followed_has_its_flags_and_a_release_without_any_says_nothing(place, tmp_path):
    settings = replace(place.settings, environment="", bundle=tmp_path / "flagged")
    following = Application(settings, embedder=HashEmbedder())
    services = following.tenant("acme")
    answer = await services.assistant.ask(services.principal("ann", ["pilots"]), QUESTION)
    assert services.ledger.turn(answer.turn)[0].facts["flags"] == ["brief/on", "user/few"]
    await following.aclose()
    following.close()
    place.promote(place.freeze("plain", "retrieval: {passages: 5}\n"))
    place.application.servings.pins._asked -= 1
    assert "flags" not in (await admitted(place)).facts
    await place.application.aclose()
