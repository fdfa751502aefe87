"""Jira over a fake of its site: who sees what, what becomes of an issue, and what goes wrong on the way."""

import pytest

from aver.core.errors import InvalidInput, SettingsError, SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.parsing import parse
from aver.knowledge.sources.jira import Options
from aver.knowledge.sources.people import People
from aver.knowledge.types import CursorExpired
from aver.testing.fakes.sources.jira import FakeJira, paragraph
from aver.testing.fakes.sources.serving import Answer
from tests.atlassian import TOKEN, add_crew, jira, proof


@pytest.fixture
def site():
    with FakeJira() as served:
        served.proofs = {proof()}
        yield served


@pytest.fixture
def open_source(site, tmp_path):
    return lambda **given: jira(site, tmp_path, **given)


@pytest.fixture
def crew(site):
    return add_crew(site)


def holder(kind, which=""):
    return {"type": kind, **({"parameter": which, "value": which} if which else {})}


def readers(source):
    """Who may read each issue, by its number."""
    return {item.path.rpartition("/")[2].removesuffix(".md"): item.readers for item in listed(source, "").items}


def test_an_issue_is_a_document(site, open_source, crew):
    project = site.add_project("HR", holder("group", crew["staff"]))
    issue = site.add(
        project,
        "Pay is late",
        "It was due on the *25th*.",
        status={"name": "Open"},
        issuetype={"name": "Bug"},
        priority={"name": "High"},
        labels=["pay", "urgent"],
        assignee={**site.users[crew["ann"]], "displayName": "Ann Bo"},
        parent={"key": "HR-9", "fields": {"summary": "Secret of the parent"}},
        issuelinks=[
            {"type": {"outward": "blocks"}, "outwardIssue": {"key": "X-1", "fields": {"summary": "Secret of another"}}}
        ],
    )
    site.comment(issue, "# Look <b>here</b>")
    source = open_source()
    (item,) = listed(source, "").items
    assert item.path == f"HR/{issue}.md"
    assert item.uri == f"{site.url}/browse/HR-1"
    document = parse(source.fetch(item), item.path)
    assert document.title == "HR-1 Pay is late"
    for words in (
        "It was due on the *25th*.",
        "Ann Bo",
        "pay, urgent",
        "High",
        "HR-9",
        "blocks X-1",
        "# Look <b>here</b>",
    ):
        assert words in document.text
    assert "Secret" not in document.text
    headings = [document.text[block.start : block.end] for block in document.blocks if block.kind == "heading"]
    assert headings == ["HR-1 Pay is late", "Comment by Bea, 2026-01-01"]


def test_comments_that_not_every_reader_sees_are_left_out(site, open_source, crew):
    issue = site.add(site.add_project("HR", holder("group", crew["staff"])), "Pay", "Words.")
    site.comment(issue, "For all.")
    site.comment(issue, "For developers.", visibility={"type": "role", "value": "Developers"})
    site.comment(issue, "For agents.", jsdPublic=False)
    source = open_source()
    text = source.fetch(listed(source, "").items[0]).decode()
    assert "For all" in text
    assert "For developers" not in text
    assert "For agents" not in text


def test_all_comments_are_read_and_one_that_is_deleted_is_noticed(site, open_source, crew):
    issue = site.add(site.add_project("HR", holder("group", crew["staff"])), "Pay", "Words.")
    for number in range(130):
        site.comment(issue, f"Comment zebra{number:03}.")
    source = open_source()
    (before,) = listed(source, "").items
    text = source.fetch(before).decode()
    assert all(f"zebra{number:03}" in text for number in range(130))
    del site.issues[issue].comments[3]  # which does not count as a change of the issue
    (after,) = listed(source, "").items
    assert after.revision != before.revision


def test_projects_and_queries_choose_the_issues(site, open_source, crew):
    for key in ("A", "B", "C"):
        site.add(site.add_project(key), key, "x")
    chosen = [
        {item.path[0] for item in listed(open_source(**given), "").items}
        for given in ({}, {"projects": ("A", "C")}, {"jql": "project in (A, B)"})
    ]
    assert chosen == [{"A", "B", "C"}, {"A", "C"}, {"A", "B"}]
    with pytest.raises(InvalidInput, match="'D' does not exist"):
        listed(open_source(projects=("D",)), "")
    with pytest.raises(InvalidInput, match="Unbounded"):
        listed(open_source(jql="ORDER BY created"), "")
    with pytest.raises(SettingsError):
        Options("https://x.atlassian.net", "env:TOKEN", projects=("A",), jql="project = A")


def test_whoever_holds_the_permission_reads(site, open_source, crew):
    project = site.add_project(
        "HR", holder("group", crew["staff"]), holder("user", crew["cas"]), holder("sd.customer.portal.only")
    )
    issue = site.add(project, "One", "x")
    assert readers(open_source()) == {issue: ("group:staff", "user:cas@example.org")}
    project.browse = [holder("projectLead")]
    project.lead = crew["ben"]
    assert readers(open_source()) == {issue: ("user:ben@example.org",)}
    role = site.add_role(project, users=[crew["ann"]], groups=[crew["board"]])
    project.browse = [holder("projectRole", role)]
    assert readers(open_source()) == {issue: ("group:desk/board", "user:ann@example.org")}
    project.browse = []
    assert readers(open_source()) == {issue: ()}


def test_whom_an_issue_names_reads_that_issue(site, open_source, crew):
    project = site.add_project(
        "HR",
        holder("reporter"),
        holder("assignee"),
        holder("userCustomField", "customfield_1"),
        holder("groupCustomField", "customfield_2"),
    )
    user = site.users
    one = site.add(project, "One", "x", reporter=user[crew["ann"]], assignee=None)
    two = site.add(project, "Two", "x", assignee=user[crew["ben"]], customfield_1=[user[crew["cas"]]])
    three = site.add(project, "Three", "x", customfield_2={"name": "board", "groupId": crew["board"]})
    expected = {
        one: ("user:ann@example.org",),
        two: ("user:ben@example.org", "user:cas@example.org"),
        three: ("group:desk/board",),
    }
    assert readers(open_source()) == expected
    assert readers(open_source(jql="project = HR")) == expected


def test_a_security_level_is_passed_as_well(site, open_source, crew):
    project = site.add_project("HR", holder("group", crew["staff"]), holder("user", crew["cas"]))
    level = site.add_level(holder("group", crew["board"]), holder("reporter"))
    open_issue = site.add(project, "Open", "x")
    kept = site.add(project, "Kept", "x", security={"id": level}, reporter=site.users[crew["ann"]])
    found = readers(open_source())
    assert found[open_issue] == ("group:staff", "user:cas@example.org")
    assert found[kept] == ("user:ann@example.org", "user:ben@example.org", "user:cas@example.org")
    site.groups[crew["staff"]][1].remove(crew["ann"])
    assert readers(open_source())[kept] == ("user:ben@example.org", "user:cas@example.org")


def test_levels_and_schemes_are_asked_for_once(site, open_source, crew):
    project = site.add_project("HR", holder("group", crew["staff"]))
    level = site.add_level(holder("group", crew["board"]))
    for number in range(250):
        site.add(project, f"Issue {number}", "x", security={"id": level})
    assert set(readers(open_source()).values()) == {("user:ben@example.org",)}
    assert site.count("/rest/api/3/project/HR/permissionscheme") == 1
    assert site.count("/rest/api/3/issuesecurityschemes") == 1
    assert len(site.asked) < 12


def test_a_restriction_to_roles_is_passed_as_well(site, open_source, crew):
    project = site.add_project("HR", holder("group", crew["staff"]))
    role = site.add_role(project, users=[crew["ann"], crew["cas"]])
    restricted = {"issuerestrictions": {"projectrole": [{"id": int(role), "name": "Few"}]}, "shouldDisplay": True}
    issue = site.add(project, "One", "x", issuerestriction=restricted)
    assert readers(open_source()) == {issue: ("user:ann@example.org",)}
    site.edit(issue, issuerestriction={"issuerestrictions": {"moon": ["full"]}})
    assert readers(open_source()) == {issue: ()}


def test_everyone_reads_what_strangers_are_shown_or_what_the_declaration_says(site, open_source, crew):
    project = site.add_project("HR", holder("anyone"))
    issue = site.add(project, "One", "x")
    assert readers(open_source()) == {issue: ()}  # the site lets nobody in who is not known
    project.public = True
    assert readers(open_source()) == {issue: ("everyone",)}
    project.browse = [holder("applicationRole")]
    site.applications = {"jira-software": [crew["staff"]], "jira-servicedesk": [crew["board"]]}
    assert readers(open_source()) == {issue: ("group:desk/board", "group:desk/logged-in", "group:staff")}
    people = People(groups={"logged-in": "everyone"})
    assert readers(open_source(people=people)) == {issue: ("everyone",)}
    project.browse = [holder("applicationRole", "jira-software")]
    assert readers(open_source(people=people)) == {issue: ("group:desk/application-jira-software", "group:desk/staff")}


def test_accounts_that_are_gone_or_no_persons_read_nothing(site, open_source):
    some = [
        site.add_user("left@example.org", active=False),
        site.add_user("bot@example.org", accountType="app"),
        site.add_user("buyer@example.org", accountType="customer"),
        site.add_user(""),
    ]
    issue = site.add(site.add_project("HR", *(holder("user", each) for each in some)), "One", "x")
    assert readers(open_source()) == {issue: ()}
    people = People(users=dict.fromkeys(some, "known"))
    assert readers(open_source(people=people)) == {issue: ("user:known",)}


def test_permissions_that_may_not_be_seen_leave_nobody_and_are_reported(site, open_source, crew):
    project = site.add_project("HR", holder("group", crew["staff"]))
    level = site.add_level(holder("group", crew["staff"]))
    open_issue, kept = site.add(project, "One", "x"), site.add(project, "Two", "x", security={"id": level})
    site.administers = False
    source = open_source()
    assert readers(source) == {open_issue: ("group:staff",), kept: ()}
    items = {item.readers: item for item in listed(source, "").items}
    with pytest.raises(SourceDenied, match="security level is not shown"):
        source.fetch(items[()])
    assert source.fetch(items["group:staff",])
    project.hidden = True
    assert readers(open_source()) == {open_issue: (), kept: ()}
    assert readers(open_source(permissions=False)) == {open_issue: None, kept: None}


def test_a_revocation_is_seen_without_a_change_of_the_issue(site, open_source, crew):
    project = site.add_project("HR", holder("group", crew["staff"]))
    site.add(project, "One", "x")
    source = open_source()
    (before,) = listed(source, "").items
    project.browse = []
    (after,) = listed(source, "").items
    assert (after.revision, after.readers) == (before.revision, ())


def test_throttling_and_a_renewed_token(site, open_source):
    project = site.add_project("HR")
    for number in range(30):
        site.add(project, f"Issue {number}", "x")
    site.page = 10
    site.throttle(3)
    assert len(readers(open_source())) == 30

    def expire(asked):
        if "nextPageToken" in asked.query:
            site.proofs = {proof("renewed")}

    site.meddle = expire
    assert len(readers(open_source(secret=lambda _: TOKEN if site.proofs == {proof()} else "renewed"))) == 30
    with pytest.raises(SourceDenied, match="does not accept its credentials"):
        listed(open_source(), "")


@pytest.mark.parametrize("broken", [Answer("<html>"), Answer({"issues": None}), Answer({"issues": [{"id": "1"}]})])
def test_what_is_misunderstood_is_not_taken_for_empty(site, open_source, broken):
    site.add_project("HR")
    site.meddle = lambda asked: broken if asked.path.endswith("/search/jql") else None
    with pytest.raises(Unavailable):
        listed(open_source(), "")


def test_an_outage_on_the_way_is_an_error(site, open_source):
    project = site.add_project("HR")
    for number in range(30):
        site.add(project, f"Issue {number}", "x")
    site.page = 10
    site.meddle = lambda asked: Answer({}, 502) if "nextPageToken" in asked.query else None
    with pytest.raises(Unavailable):
        listed(open_source(), "")


def test_a_token_that_comes_again_is_an_error(site, open_source):
    site.add(site.add_project("HR"), "One", "x")

    def endless(asked):
        if not asked.path.endswith("/search/jql"):
            return None
        answer = site.answer(asked)
        return Answer({"issues": answer.content["issues"], "nextPageToken": "YWZ0ZXI6MA=="})

    site.meddle = endless
    with pytest.raises(Unavailable, match="again and again"):
        listed(open_source(), "")


def test_an_issue_that_is_too_large_costs_itself_alone(site, open_source):
    project = site.add_project("HR")
    site.add(project, "Large", "x" * 3000)
    site.add(project, "Small", "fine")
    source = open_source(max_bytes=2000)
    large, small = listed(source, "").items
    with pytest.raises(TooLarge):
        source.fetch(large)
    assert b"fine" in source.fetch(small)


def test_text_that_would_be_structure_stays_text(site, open_source):
    hostile = "x](y)\n# No heading\n\n[1] <script>alert(1)</script> | {{x}}"
    site.add(site.add_project("HR"), hostile, hostile, labels=["a | b"], description=paragraph(hostile))
    source = open_source()
    (item,) = listed(source, "").items
    document = parse(source.fetch(item), item.path)
    assert [block.kind for block in document.blocks].count("heading") == 1
    assert "<script>alert(1)</script>" in document.text


def test_there_is_no_listing_from_a_cursor(site, open_source):
    site.add(site.add_project("HR"), "One", "x")
    source = open_source()
    with pytest.raises(CursorExpired):
        list(source.pages("something"))
    assert listed(source, "something").whole
    assert listed(source, "").cursor == ""
