"""The worlds of :mod:`tests.e2e.test_isolation` on Postgres: one database for all tenants, and the same answers."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.isolation.explore import Leak, explore
from tests.isolation.installation import installed
from tests.isolation.mutations import no_filter
from tests.isolation.scenarios import STORY, scenarios


@pytest.fixture(scope="module")
def installation(tmp_path_factory, postgres):
    with postgres.database() as url, installed(tmp_path_factory.mktemp("isolation"), url) as served:
        yield served


def test_a_story_in_which_much_is_taken_away(installation):
    assert len(explore(installation, STORY).answers) > len(STORY.documents)


def test_it_fails_when_the_filter_is_removed(installation, monkeypatch):
    no_filter(monkeypatch)
    with pytest.raises(Leak):
        explore(installation, STORY)


@settings(
    max_examples=2,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(scenario=scenarios(steps=5))
def test_nobody_learns_of_what_they_may_not_see(installation, scenario):
    explore(installation, scenario)
