"""Confluence and Jira as they are declared and followed: who finds what, after permissions change there too."""

import pytest

from aver.core import Principal
from aver.core.errors import SettingsError
from aver.knowledge.sources import Sources, parse_sources
from aver.testing.fakes.sources.confluence import FakeConfluence
from aver.testing.fakes.sources.jira import FakeJira
from tests.atlassian import EMAIL, TOKEN, proof
from tests.knowledge import open_world


@pytest.fixture
def world(tmp_path):
    return open_world(tmp_path / "data")


@pytest.fixture
def following(world):
    return Sources(world.store, world.ledger, world.knowledge, world.clock, {"env:ATLASSIAN": TOKEN}.__getitem__, 2**20)


def declared(kind, site, more):
    fields = f"kind: {kind}, url: '{site.url}', email: {EMAIL}, token: 'env:ATLASSIAN', {more}"
    return parse_sources(f"sources: {{far: {{{fields}}}}}", "s.yaml")


def titles(world, user, *groups):
    principal = Principal("acme", user, frozenset(groups))
    return sorted(document.title for document in world.knowledge.documents(principal))


def test_a_page_is_found_by_whoever_may_read_it_there(world, following):
    with FakeConfluence() as site:
        site.proofs = {proof()}
        ann, ben = site.add_user("ann@example.org"), site.add_user("ben@example.org")
        staff = site.add_group("staff", ann, ben)
        space = site.add_space("HB", groups=[staff])
        leave, pay = (site.add(space, title, f"<p>About {title}.</p>") for title in ("Leave", "Pay"))
        following.declare(declared("confluence", site, "spaces: [HB], people: {groups: {staff: crew}}"))
        assert following.follow("far").added == 2
        assert titles(world, "ann@example.org", "crew") == ["Leave", "Pay"]
        assert titles(world, "ann@example.org") == []

        site.restricted[pay] = ([ben], [])
        report = following.follow("far")
        assert (report.acl_changed, report.unchanged) == (1, 2)
        assert titles(world, "ann@example.org", "crew") == ["Leave"]
        assert titles(world, "ben@example.org", "crew") == ["Leave", "Pay"]

        space.hidden = True
        report = following.follow("far")
        assert [failure.path for failure in report.failed] == [f"HB/pages/{leave}.html", f"HB/pages/{pay}.html"]
        assert "permissions of the space HB are not shown" in report.failed[0].error
        assert titles(world, "ben@example.org", "crew") == []

        space.hidden = False
        read = site.count(f"/wiki/api/v2/pages/{leave}")
        assert following.follow("far").unchanged == 2
        assert site.count(f"/wiki/api/v2/pages/{leave}") == read  # what is known is not read again
        assert titles(world, "ben@example.org", "crew") == ["Leave", "Pay"]

        del site.contents[leave]
        assert following.follow("far").deleted == 1


def test_an_issue_is_found_by_whoever_may_see_it_there(world, following):
    with FakeJira() as site:
        site.proofs = {proof()}
        ann = site.add_user("ann@example.org")
        level = site.add_level({"type": "user", "parameter": ann, "value": ann})
        project = site.add_project("HR", {"type": "applicationRole"})
        issue = site.add(project, "Pay is late", "It was due on the 25th.")
        following.declare(declared("jira", site, "projects: [HR], people: {groups: {logged-in: everyone}}"))
        assert following.follow("far").added == 1
        assert titles(world, "cas@example.org") == ["HR-1 Pay is late"]
        site.issues[issue].fields["security"] = {"id": level}
        assert following.follow("far").acl_changed == 1
        assert titles(world, "cas@example.org") == []
        assert titles(world, "ann@example.org") == ["HR-1 Pay is late"]


@pytest.mark.parametrize(
    ("kind", "more"),
    [("jira", "projects: ['A B']"), ("jira", "projects: [A], jql: 'project = A'"), ("confluence", "spaces: ['a,b']")],
)
def test_a_declaration_that_cannot_be_right_is_refused(kind, more):
    with FakeConfluence() as site, pytest.raises(SettingsError):
        declared(kind, site, more)
