"""Confluence Data Center over a fake of its site: what is told otherwise there than in the cloud."""

import pytest

from aver.core.errors import SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.sources.people import People
from aver.testing.fakes.sources.confluence_data_center import FakeConfluenceDataCenter
from tests.atlassian import DATA_CENTER, add_crew, confluence, proof_of_pat


@pytest.fixture
def site():
    with FakeConfluenceDataCenter() as served:
        served.proofs = {proof_of_pat()}
        yield served


@pytest.fixture
def open_source(site, tmp_path):
    return lambda **given: confluence(site, tmp_path, **{**DATA_CENTER, **given})


@pytest.fixture
def crew(site):
    return add_crew(site)


def readers(source):
    return {item.path.rpartition("/")[2].partition(".")[0]: item.readers for item in listed(source, "").items}


def test_pages_posts_and_files_are_read_with_where_they_are_opened(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    page = site.add(space, "Leave & pay", "<p>Staff have <strong>27</strong> days off.</p>")
    post = site.add(space, "News", "<p>We moved.</p>", kind="blogpost")
    file = site.attach(page, "rates of pay.csv", b"grade,pay\nA,1\n")
    large = site.attach(page, "large.csv", b"x" * 3000)
    site.attach(page, "film.mp4", b"film")
    source = open_source(attachments=True, max_bytes=2000)
    found = {item.path: item for item in listed(source, "").items}
    assert list(found) == [
        f"HB/pages/{page}.html",
        f"HB/blogposts/{post}.html",
        f"HB/pages/{page}/{file}.csv",
        f"HB/pages/{page}/{large}.csv",
    ]
    assert found[f"HB/pages/{page}.html"].uri == f"{site.url}/spaces/HB/pages/{page}"
    assert "<strong>27</strong> days" in source.fetch(found[f"HB/pages/{page}.html"]).decode()
    assert "We moved." in source.fetch(found[f"HB/blogposts/{post}.html"]).decode()
    assert source.fetch(found[f"HB/pages/{page}/{file}.csv"]) == b"grade,pay\nA,1\n"
    assert {item.readers for item in found.values()} == {("group:staff",)}
    with pytest.raises(TooLarge):
        source.fetch(found[f"HB/pages/{page}/{large}.csv"])


def test_many_pages_are_listed_in_few_requests(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    for number in range(350):
        page = site.add(space, f"Page {number}", "<p>x</p>")
        site.restricted[page] = ([crew["ann"]], [])
    assert set(readers(open_source()).values()) == {("user:ann@example.org",)}
    assert len(site.asked) < 15


def test_accounts_are_whom_their_usernames_or_the_declaration_say(site, open_source):
    some = [site.add_user("dan@example.org"), site.add_user("", username="eve"), site.add_user("", username="fay")]
    page = site.add(site.add_space("HB", users=some), "One", "<p>x</p>")
    people = People(users={"eve": "eva@example.org", some[2]: "fay@example.org"})
    assert readers(open_source())[page] == ("user:dan@example.org",)
    assert readers(open_source(people=people))[page] == (
        "user:dan@example.org",
        "user:eva@example.org",
        "user:fay@example.org",
    )


def test_restrictions_up_the_tree_are_all_passed(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"], crew["board"]])
    top = site.add(space, "Top", "<p>x</p>")
    middle = site.add(space, "Middle", "<p>x</p>", parent=top)
    leaf = site.add(space, "Leaf", "<p>x</p>", parent=middle)
    site.restricted[top] = ([], [crew["staff"]])
    site.restricted[leaf] = ([crew["cas"], crew["ben"]], [])
    found = readers(open_source())
    assert found[top] == found[middle] == ("group:staff",)
    assert found[leaf] == ("user:ben@example.org",)


def test_a_restriction_with_more_subjects_than_come_at_once_is_asked_for(site, open_source, crew):
    site.subjects = 2
    page = site.add(site.add_space("HB", groups=[crew["staff"]]), "One", "<p>x</p>")
    site.restricted[page] = ([crew["ann"], crew["ben"], crew["cas"]], [])
    assert readers(open_source())[page] == ("user:ann@example.org", "user:ben@example.org")


def test_what_stands_below_a_page_that_is_not_shown_is_read_by_nobody(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    above = site.add(space, "Above", "<p>x</p>")
    page = site.add(space, "Below", "<p>x</p>", parent=above)
    site.withheld.add(above)
    source = open_source()
    (item,) = listed(source, "").items
    assert (item.path, item.readers) == (f"HB/pages/{page}.html", ())
    with pytest.raises(SourceDenied, match="stands below is not shown"):
        source.fetch(item)


def test_pages_that_are_kept_back_are_counted_and_nothing_is_passed_over(site, open_source):
    space = site.add_space("HB")
    pages = [site.add(space, f"Page {number}", "<p>x</p>") for number in range(45)]
    site.page = 10
    site.withheld = {*pages[3:6], pages[9], *pages[10:30]}
    assert len(listed(open_source(permissions=False), "").items) == 45 - len(site.withheld)


def test_permissions_that_are_not_told_leave_nobody_and_are_reported(site, open_source, crew):
    """As before 9.1."""
    space = site.add_space("HB", groups=[crew["staff"]])
    site.add(space, "One", "<p>x</p>")
    space.hidden = True
    source = open_source()
    (item,) = listed(source, "").items
    assert (item.readers, item.revision) == ((), "")
    with pytest.raises(SourceDenied, match="permissions of the space HB are not shown"):
        source.fetch(item)
    (item,) = listed(open_source(permissions=False), "").items
    assert item.readers is None


def test_everyone_reads_what_strangers_are_shown(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    page = site.add(space, "One", "<p>x</p>")
    space.public = True
    assert readers(open_source()) == {page: ("everyone",)}


def test_a_page_that_is_removed_while_it_lists_costs_no_other(site, open_source):
    """What follows moves up by one: the page after it would be passed over, and so be taken for deleted."""
    space = site.add_space("HB")
    pages = [site.add(space, f"Page {number}", "<p>x</p>") for number in range(30)]
    site.page = 10

    def removing(asked):
        if asked.query.get("type") == "page" and asked.query.get("start") not in (None, "0"):
            site.contents.pop(pages[0], None)

    site.meddle = removing
    with pytest.raises(Unavailable, match="changed while it was listed"):
        listed(open_source(permissions=False), "")
    assert len(listed(open_source(permissions=False), "").items) == 29
