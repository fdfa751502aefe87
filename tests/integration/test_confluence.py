"""Confluence over a fake of its site: who reads what, what is listed, and what goes wrong on the way."""

import pytest

from aver.core.errors import AverError, InvalidInput, NotFound, SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.sources.people import People
from aver.knowledge.types import CursorExpired
from aver.testing.fakes.sources.confluence import FakeConfluence
from aver.testing.fakes.sources.serving import Answer
from tests.atlassian import TOKEN, add_crew, confluence, proof


@pytest.fixture
def site():
    with FakeConfluence() as served:
        served.proofs = {proof()}
        yield served


@pytest.fixture
def open_source(site, tmp_path):
    return lambda **given: confluence(site, tmp_path, **given)


@pytest.fixture
def crew(site):
    return add_crew(site)


def readers(source):
    """Who may read each page, by its number."""
    found = listed(source, "")
    return {item.path.rpartition("/")[2].partition(".")[0]: item.readers for item in found.items}


def paths(source):
    return {item.path for item in listed(source, "").items}


def test_a_page_is_read_with_where_it_is_opened(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    page = site.add(space, "Leave & pay", "<p>Staff have <strong>27</strong> days&nbsp;off.</p>")
    post = site.add(space, "News", "<p>We moved.</p>", kind="blogpost")
    source = open_source()
    one, other = listed(source, "").items
    assert one.path == f"HB/pages/{page}.html"
    assert one.uri == f"{site.url}/wiki/spaces/HB/pages/{page}"
    assert one.revision == "1"
    assert source.fetch(one).decode().startswith("<!DOCTYPE html><html><head><title>Leave &amp; pay</title>")
    assert other.path == f"HB/blogposts/{post}.html"
    assert "We moved." in source.fetch(other).decode()


def test_declared_spaces_alone_are_listed(site, open_source):
    for key in ("A", "B", "C"):
        site.add(site.add_space(key), key, "<p>x</p>")
    assert {path[0] for path in paths(open_source())} == {"A", "B", "C"}
    assert {path[0] for path in paths(open_source(spaces=("A", "C")))} == {"A", "C"}
    with pytest.raises(NotFound, match="shows no space 'D'"):
        listed(open_source(spaces=("A", "D")), "")


def test_many_pages_are_listed_in_few_requests(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    for number in range(600):
        site.add(space, f"Page {number}", "<p>x</p>")
    assert len(paths(open_source())) == 600
    # Pages in 3, blog posts in 1, restrictions in 6 answers, and a few about the space.
    assert len(site.asked) < 20


def test_space_permissions_are_readers(site, open_source, crew):
    site.add(site.add_space("HB", users=[crew["cas"]], groups=[crew["staff"], crew["board"]]), "One", "<p>x</p>")
    people = People(groups={"staff": "staff"}, users={"cas@example.org": "casimir"})
    (found,) = readers(open_source(people=people)).values()
    assert found == ("group:staff", "group:wiki/board", "user:casimir")


def test_restrictions_up_the_tree_are_all_passed(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    top = site.add(space, "Top", "<p>x</p>")
    middle = site.add(space, "Middle", "<p>x</p>", parent=top)
    below = site.add(space, "Below", "<p>x</p>", parent=middle)
    site.restricted[top] = ([], [crew["staff"]])
    site.restricted[middle] = ([crew["ann"], crew["cas"]], [crew["board"]])
    site.restricted[below] = ([crew["ben"]], [])
    found = readers(open_source())
    assert found[top] == ("group:staff",)
    assert found[middle] == ("user:ann@example.org", "user:ben@example.org")  # Cas may not view the space
    assert found[below] == ("user:ben@example.org",)


def test_a_restriction_of_a_folder_holds_for_what_is_in_it(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    folder = site.add(space, "Folder", "", kind="folder")
    inner = site.add(space, "Inner", "", kind="folder", parent=folder)
    page = site.add(space, "Page", "<p>x</p>", parent=inner)
    site.restricted[folder] = ([crew["ann"]], [])
    assert readers(open_source()) == {page: ("user:ann@example.org",)}
    site.withheld.add(folder)
    source = open_source()
    assert readers(source) == {page: ()}
    with pytest.raises(SourceDenied, match="nobody may read it"):
        source.fetch(listed(source, "").items[0])


def test_a_page_that_stands_below_itself_is_read_by_nobody(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    one = site.add(space, "One", "<p>x</p>")
    other = site.add(space, "Other", "<p>x</p>", parent=one)
    site.contents[one].parent = other
    assert readers(open_source()) == {one: (), other: ()}


def test_what_the_search_does_not_tell_is_asked_for(site, open_source, crew):
    everyone = [site.add_user(f"user{number}@example.org") for number in range(7)]
    space = site.add_space("HB", users=everyone)
    unindexed, long, free = (site.add(space, title, "<p>x</p>") for title in ("New", "Long", "Free"))
    site.restricted[unindexed] = (everyone[:1], [])
    site.restricted[long] = (everyone[:5], [])
    site.unindexed.add(unindexed)
    site.subjects = 2
    found = readers(open_source())
    assert found[unindexed] == ("user:user0@example.org",)
    assert len(found[long]) == 5
    assert len(found[free]) == 7


def test_roles_and_classes_of_users_are_readers(site, open_source, crew):
    space = site.add_space("HB")
    space.roles = [
        ("viewer", "USER", crew["ann"]),
        ("viewer", "ACCESS_CLASS", "all-licensed-users"),
        ("viewer", "ACCESS_CLASS", "anonymous-users"),
    ]
    page, kept = site.add(space, "One", "<p>x</p>"), site.add(space, "Two", "<p>x</p>")
    site.restricted[kept] = ([crew["ben"], crew["cas"]], [])
    site.licensed = [crew["board"]]
    found = readers(open_source())
    assert found[page] == ("group:wiki/all-licensed-users", "user:ann@example.org")
    assert found[kept] == ("user:ben@example.org", "user:cas@example.org")
    people = People(groups={"all-licensed-users": "everyone"})
    assert readers(open_source(people=people))[page] == ("everyone",)


def test_everyone_reads_what_strangers_are_shown(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    page, kept = site.add(space, "One", "<p>x</p>"), site.add(space, "Two", "<p>x</p>")
    site.restricted[kept] = ([crew["cas"]], [])
    space.public = True
    assert readers(open_source()) == {page: ("everyone",), kept: ("user:cas@example.org",)}


def test_accounts_that_are_no_persons_or_nobody_known_read_nothing(site, open_source):
    some = [
        site.add_user(""),
        site.add_user("bot@example.org", accountType="app"),
        site.add_user("guest@example.org", accountType="customer"),
    ]
    site.add(site.add_space("HB", users=some), "One", "<p>x</p>")
    assert list(readers(open_source()).values()) == [()]
    people = People(users={some[0]: "hermit"})
    assert list(readers(open_source(people=people)).values()) == [("user:hermit",)]


def test_permissions_that_may_not_be_seen_leave_nobody_and_are_reported(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    site.add(space, "One", "<p>x</p>")
    assert listed(open_source(), "").items[0].revision == "1"
    space.hidden = True
    source = open_source()
    (item,) = listed(source, "").items
    assert (item.readers, item.revision) == ((), "")  # without a revision it is fetched, and so reported, each time
    with pytest.raises(SourceDenied, match="permissions of the space HB are not shown"):
        source.fetch(item)
    (open_to_the_list,) = listed(open_source(permissions=False), "").items
    assert (open_to_the_list.readers, open_to_the_list.revision) == (None, "1")


def test_a_restriction_that_names_nobody_known_is_still_one(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    page = site.add(space, "One", "<p>x</p>")
    site.restricted[page] = ([site.add_user("gone@example.org", accountType="app")], [])
    assert readers(open_source()) == {page: ()}


def test_members_of_a_group_that_may_not_be_seen_are_nobody(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    page = site.add(space, "One", "<p>x</p>")
    site.restricted[page] = ([crew["ann"]], [])
    site.meddle = lambda asked: Answer({"message": "no"}, 403) if "membersByGroupId" in asked.path else None
    assert readers(open_source()) == {page: ()}


def test_attachments_have_the_readers_of_their_page(site, open_source, crew):
    space = site.add_space("HB", groups=[crew["staff"]])
    page = site.add(space, "One", "<p>x</p>")
    site.restricted[page] = ([crew["ann"]], [])
    file = site.attach(page, "Plan.PDF", b"%PDF-1.7 plan")
    site.attach(page, "holiday.mp4", b"film")
    large = site.attach(page, "large.csv", b"a,b\n" * 100)
    elsewhere = site.add(site.add_space("X"), "Other", "<p>x</p>")
    site.attach(elsewhere, "other.pdf", b"%PDF-1.7")
    assert not any("att" in path for path in paths(open_source()))
    source = open_source(attachments=True, spaces=("HB",), max_bytes=200)
    items = {item.path: item for item in listed(source, "").items}
    assert items.keys() == {f"HB/pages/{page}.html", f"HB/pages/{page}/{file}.pdf", f"HB/pages/{page}/{large}.csv"}
    plan = items[f"HB/pages/{page}/{file}.pdf"]
    assert (plan.readers, plan.size) == (("user:ann@example.org",), 13)
    assert source.fetch(plan) == b"%PDF-1.7 plan"
    with pytest.raises(TooLarge):
        source.fetch(items[f"HB/pages/{page}/{large}.csv"])


def test_throttling_is_waited_out(site, open_source):
    site.add(site.add_space("HB"), "One", "<p>x</p>")
    site.throttle(3)
    assert len(paths(open_source())) == 1
    site.throttle(1, seconds=3600)
    with pytest.raises(Unavailable, match="asked too often") as caught:
        listed(open_source(), "")
    assert caught.value.retry_after == 3600


def test_a_token_that_is_renewed_on_the_way_counts_at_once(site, open_source):
    space = site.add_space("HB")
    for number in range(30):
        site.add(space, f"Page {number}", "<p>x</p>")
    site.page = 10

    def expire(asked):
        if "cursor" in asked.query:
            site.proofs = {proof("renewed")}

    site.meddle = expire
    renewed = open_source(secret=lambda _: TOKEN if site.proofs == {proof()} else "renewed")
    assert len(paths(renewed)) == 30
    assert site.asked[-1].headers["authorization"] == proof("renewed")
    with pytest.raises(SourceDenied, match="does not accept its credentials"):
        listed(open_source(), "")


def test_a_bearer_token_needs_no_address(site, open_source):
    site.add(site.add_space("HB"), "One", "<p>x</p>")
    site.proofs = {"Bearer s3cret"}
    assert len(paths(open_source(email=""))) == 1


@pytest.mark.parametrize(
    "broken", [Answer("<html>"), Answer({"results": None}), Answer({"results": ["x"]}), Answer([])]
)
def test_what_is_misunderstood_is_not_taken_for_empty(site, open_source, crew, broken):
    space = site.add_space("HB", groups=[crew["staff"]])
    site.unindexed.add(site.add(space, "One", "<p>x</p>"))
    for where in ("/spaces", "/pages", "/permissions", "/search", "/byOperation/read"):
        site.meddle = lambda asked, where=where: broken if asked.path.endswith(where) else None
        with pytest.raises(Unavailable):
            listed(open_source(), "")


def test_an_outage_on_the_way_is_an_error(site, open_source):
    space = site.add_space("HB")
    for number in range(30):
        site.add(space, f"Page {number}", "<p>x</p>")
    site.page = 10
    site.meddle = lambda asked: Answer({}, 502) if "cursor" in asked.query else None
    with pytest.raises(Unavailable):
        listed(open_source(), "")


def test_a_page_that_comes_twice_does_no_harm(site, open_source):
    space = site.add_space("HB")
    for number in range(30):
        site.add(space, f"Page {number}", "<p>x</p>")
    site.page = 10
    first = []

    def again(asked):
        if not asked.path.endswith("/pages"):
            return None
        answer = site.answer(asked)
        answer.content["results"] += first
        first[:] = answer.content["results"][:10]
        return answer

    site.meddle = again
    assert len(listed(open_source(), "").items) == 30


@pytest.mark.parametrize("following", ["same", "new"])
def test_a_listing_that_never_ends_is_an_error(site, open_source, following, monkeypatch):
    monkeypatch.setattr("aver.knowledge.sources.answers._BARREN", 20)
    site.add(site.add_space("HB"), "One", "<p>x</p>")
    asked_for = []

    def endless(asked):
        if not asked.path.endswith("/pages"):
            return None
        asked_for.append(asked)
        cursor = "same" if following == "same" else str(len(asked_for))
        return Answer({"results": [{"id": "1", "version": {"number": 1}}], "_links": {"next": f"/x?cursor={cursor}"}})

    site.meddle = endless
    with pytest.raises(Unavailable, match="again and again"):
        listed(open_source(permissions=False), "")
    assert len(asked_for) < 30


def test_a_page_that_is_too_large_costs_itself_alone(site, open_source):
    space = site.add_space("HB")
    site.add(space, "Large", f"<p>{'x' * 2000}</p>")
    site.add(space, "Broken", "<p>open")
    site.add(space, "Small", "<p>fine</p>")
    source = open_source(max_bytes=1000)
    large, broken, small = listed(source, "").items
    with pytest.raises(TooLarge):
        source.fetch(large)
    with pytest.raises(InvalidInput, match="storage format"):
        source.fetch(broken)
    assert b"fine" in source.fetch(small)


def test_there_is_no_listing_from_a_cursor(site, open_source):
    site.add(site.add_space("HB"), "One", "<p>x</p>")
    source = open_source()
    with pytest.raises(CursorExpired):
        list(source.pages("something"))
    assert listed(source, "something").whole
    assert listed(source, "").cursor == ""


def test_a_token_is_in_no_error(site, open_source):
    site.proofs = {"other"}
    with pytest.raises(AverError) as caught:
        listed(open_source(), "")
    assert "s3cret" not in str(caught.value)
