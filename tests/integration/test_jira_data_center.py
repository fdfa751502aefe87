"""Jira Data Center over a fake of its site: what is told otherwise there than in the cloud."""

import pytest

from aver.core.errors import InvalidInput, SourceDenied, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.parsing import parse
from aver.knowledge.sources.people import People
from aver.testing.fakes.sources.jira_data_center import FakeJiraDataCenter
from tests.atlassian import DATA_CENTER, add_crew, jira, proof_of_pat


@pytest.fixture
def site():
    with FakeJiraDataCenter() as served:
        served.proofs = {proof_of_pat()}
        yield served


@pytest.fixture
def open_source(site, tmp_path):
    return lambda **given: jira(site, tmp_path, **{**DATA_CENTER, **given})


@pytest.fixture
def crew(site):
    return add_crew(site)


def holder(kind, which=""):
    return {"type": kind, **({"parameter": which} if which else {})}


def readers(source):
    return {item.path.rpartition("/")[2].removesuffix(".md"): item.readers for item in listed(source, "").items}


def test_an_issue_in_wiki_markup_is_a_document(site, open_source, crew):
    project = site.add_project("HR", holder("group", "staff"))
    words = "h2. Steps\n# Ask [payroll|https://pay.example.org]\n\n||grade||days||\n|A|27|\n\n{code:sql}\nSELECT 1;\n{code}\n<script>"
    issue = site.add(project, "Pay is late", words, status={"name": "Open"})
    site.comment(issue, "*Look* at HR-2.")
    source = open_source()
    (item,) = listed(source, "").items
    assert item.uri == f"{site.url}/browse/HR-1"
    document = parse(source.fetch(item), item.path)
    assert document.title == "HR-1 Pay is late"
    kinds = {document.text[block.start : block.end]: block.kind for block in document.blocks}
    assert kinds["Steps"] == "heading"
    assert kinds["SELECT 1;"] == "code"
    assert [kind for text, kind in kinds.items() if "27" in text] == ["table"]
    assert "*Look* at HR-2." in document.text
    assert "<script>" in document.text


def test_internal_notes_and_comments_for_some_are_left_out(site, open_source, crew):
    issue = site.add(site.add_project("HR", holder("group", "staff")), "Pay", "Words.")
    site.comment(issue, "For all.")
    site.comment(issue, "For customers too.", internal=False)
    site.comment(issue, "For agents.", internal=True)
    site.comment(issue, "For developers.", visibility={"type": "role", "value": "Developers"})
    source = open_source()
    text = source.fetch(listed(source, "").items[0]).decode()
    assert "For all" in text
    assert "For customers too" in text
    assert "For agents" not in text
    assert "For developers" not in text


def test_whoever_holds_the_permission_reads(site, open_source, crew):
    project = site.add_project("HR", holder("user", crew["cas"]), holder("projectLead"), holder("reporter"))
    project.lead = crew["ben"]
    role = site.add_role(project, users=[crew["ann"]], groups=["board"])
    project.browse.append(holder("projectRole", role))
    issue = site.add(project, "Pay", "Words.", reporter=site.users[site.add_user("dan@example.org")])
    assert readers(open_source())[issue] == (
        "group:desk/board",
        *(f"user:{name}@example.org" for name in ("ann", "ben", "cas", "dan")),
    )


def test_applications_are_groups_beside_those_that_give_access(site, open_source, crew):
    site.applications = {"jira-software": ["staff"]}
    issue = site.add(site.add_project("HR", holder("applicationRole")), "Pay", "Words.")
    assert readers(open_source())[issue] == ("group:desk/logged-in", "group:staff")
    people = People(groups={"logged-in": "everyone"})
    assert readers(open_source(people=people))[issue] == ("everyone",)


def test_accounts_that_are_closed_or_have_no_address_read_nothing(site, open_source):
    some = [site.add_user("eve@example.org", active=False), site.add_user("", name="fay", emailAddress="")]
    issue = site.add(site.add_project("HR", *(holder("user", each) for each in some)), "Pay", "Words.")
    assert readers(open_source())[issue] == ()
    people = People(users={"fay": "fay@example.org", some[0]: "eve@example.org"})
    assert readers(open_source(people=people))[issue] == ("user:fay@example.org",)


def test_what_has_a_security_level_is_read_by_nobody_and_reported(site, open_source, crew):
    project = site.add_project("HR", holder("group", "staff"))
    issue = site.add(project, "Pay", "Words.", security={"id": site.add_level(holder("group", "board"))})
    source = open_source()
    (item,) = listed(source, "").items
    assert (item.path, item.readers) == (f"HR/{issue}.md", ())
    with pytest.raises(SourceDenied, match="security level is not shown"):
        source.fetch(item)


def test_projects_and_queries_choose_the_issues(site, open_source, crew):
    for key in ("HR", "IT"):
        site.add(site.add_project(key, holder("group", "staff")), key, "Words.")
    assert len(readers(open_source())) == 2
    assert len(readers(open_source(projects=("IT",)))) == 1
    assert len(readers(open_source(jql="project = HR"))) == 1
    with pytest.raises(InvalidInput, match="Unbounded"):
        listed(open_source(jql="text ~ pay"), "")


def test_an_issue_that_is_removed_while_it_lists_costs_no_other(site, open_source, crew):
    project = site.add_project("HR", holder("group", "staff"))
    issues = [site.add(project, f"Issue {number}", "Words.") for number in range(30)]
    site.page = 10

    def removing(asked):
        if asked.path.endswith("/search") and asked.query["startAt"] != "0":
            site.issues.pop(issues[0], None)

    site.meddle = removing
    with pytest.raises(Unavailable, match="changed while it was listed"):
        listed(open_source(), "")
    assert len(listed(open_source(), "").items) == 29
