"""GitHub over a fake of it: what becomes a document, who reads it, and what goes wrong on the way."""

import pytest

from aver.core.errors import NotFound, SettingsError, SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.parsing import parse
from aver.knowledge.sources.github import Options
from aver.knowledge.sources.people import People
from aver.knowledge.types import CursorExpired
from aver.testing.clock import FixedClock
from aver.testing.fakes.sources.github import FakeGithub
from aver.testing.fakes.sources.serving import Answer
from tests.github import TOKEN, github

ANN = {"login": "ann", "permissions": {"pull": True}}


@pytest.fixture
def served(tmp_path):
    with FakeGithub(tmp_path / "hub") as fake:
        fake.accept(TOKEN)
        yield fake


@pytest.fixture
def handbook(served):
    return served.add_repository("acme/handbook", collaborators=[ANN])


@pytest.fixture
def open_source(served, tmp_path):
    return lambda **given: github(served, tmp_path / "source", **given)


def items(source):
    return {item.path.removeprefix("acme/handbook/"): item for item in listed(source, "").items}


def text(source, item):
    return parse(source.fetch(item), item.path).text


def test_an_issue_is_a_document_with_its_comments(served, open_source, handbook):
    number = served.add_issue(
        handbook,
        "Pay is late",
        "It was due on the **25th**.\n\n```py\nif late:\n    complain()\n```",
        labels=[{"name": "pay"}, {"name": "urgent"}],
        assignees=[{"login": "cas"}],
        milestone={"title": "March"},
        state="closed",
        state_reason="not_planned",
    )
    served.comment(handbook, number, "Mine **too**.")
    served.comment(handbook, number, "Done.", user=None)
    source = open_source()
    (item,) = items(source).values()
    assert item.path == f"acme/handbook/issues/{number}.md"
    assert item.uri == f"{served.url}/acme/handbook/issues/{number}"
    document = parse(source.fetch(item), item.path)
    assert document.title == f"Pay is late #{number}"
    for words in ("Issue", "closed not planned", "pay, urgent", "cas", "March", "due on the 25th", "Mine too."):
        assert words in document.text
    assert "if late:\n    complain()" in document.text
    headings = [document.text[b.start : b.end] for b in document.blocks if b.kind == "heading"]
    assert headings[1:] == ["Comment by ben, 2026-01-01", "Comment by ghost, 2026-01-01"]


def test_a_pull_request_is_one_too_with_what_is_said_of_its_lines(served, open_source, handbook):
    number = served.add_issue(handbook, "Mend it", None, pull_request={"url": "x"})
    served.comment(handbook, number, "Why so?", path="src/pay.py")
    served.comment(handbook, number, "Looks good.")
    source = open_source()
    (before,) = items(source).values()
    said = text(source, before)
    assert before.uri.endswith(f"/pull/{number}")
    assert "Pull request" in said
    assert "Comment by ben, 2026-01-01, on src/pay.py\n\nWhy so?" in said
    assert said.index("Why so?") < said.index("Looks good.")
    handbook.lines[number].clear()  # which changes nothing of the pull request itself
    (after,) = items(source).values()
    assert after.revision != before.revision


def test_a_deleted_comment_changes_the_revision(served, open_source, handbook):
    number = served.add_issue(handbook, "One", "x")
    served.comment(handbook, number, "Secret.")
    source = open_source()
    (before,) = items(source).values()
    handbook.comments[number].clear()
    (after,) = items(source).values()
    assert after.revision != before.revision
    assert "Secret" not in text(source, after)


def test_many_issues_and_comments_are_read_over_many_pages(served, open_source, handbook):
    served.page = 7
    for number in range(30):
        served.add_issue(handbook, f"Issue {number}", "x", state="closed" if number % 2 else "open")
    for number in range(30):
        served.comment(handbook, 1, f"Comment zebra{number:03}.")
    source = open_source()
    found = items(source)
    assert len(found) == 30
    said = text(source, found["issues/1.md"])
    assert all(said.count(f"zebra{number:03}") == 1 for number in range(30))


def test_issues_that_were_deleted_or_moved_are_gone(served, open_source, handbook):
    other = served.add_repository("acme/board", collaborators=[])
    for title in ("Kept", "Deleted", "Moved"):
        served.add_issue(handbook, title, "Words.")
    moved = served.add_issue(other, "Moved", "Words for the board.")
    source = open_source()
    before = items(source)
    del handbook.issues[2], handbook.issues[3]
    handbook.moved[3] = f"acme/board/issues/{moved}"
    assert list(items(source)) == ["issues/1.md"]
    for path in ("issues/2.md", "issues/3.md"):
        with pytest.raises(NotFound):
            source.fetch(before[path])


def test_issues_that_are_switched_off_are_none(served, open_source, handbook):
    served.add_issue(handbook, "One", "x")
    handbook.has_issues = False
    assert items(open_source()) == {}


def test_files_and_wiki_are_documents(served, open_source, handbook):
    served.write(handbook.code, "docs/leave.md", "# Leave\n\nThirty days.")
    served.write(handbook.code, "src/pay.py", "print('paid')\n")
    served.write(handbook.wiki, "How to start.md", "# Start\n\nHere.")
    source = open_source(parts=("wiki", "code"))
    found = items(source)
    assert {path: item.uri.removeprefix(served.url) for path, item in found.items()} == {
        "code/docs/leave.md": "/acme/handbook/blob/main/docs/leave.md",
        "code/src/pay.py": "/acme/handbook/blob/main/src/pay.py",
        "wiki/How to start.md": "/acme/handbook/wiki/How%20to%20start",
    }
    assert {item.readers for item in found.values()} == {("user:ann@example.org",)}
    assert source.fetch(found["code/docs/leave.md"]) == b"# Leave\n\nThirty days."
    assert source.fetch(found["wiki/How to start.md"]) == b"# Start\n\nHere."
    assert list(items(open_source(parts=("code",), folder="docs"))) == ["code/docs/leave.md"]
    served.write(handbook.code, "docs/leave.md", None)
    assert sorted(items(source)) == ["code/src/pay.py", "wiki/How to start.md"]


def test_a_wiki_that_nobody_began_is_empty_and_one_that_is_not_found_any_more_is_an_error(
    served, open_source, handbook
):
    source = open_source(parts=("wiki", "code"))
    assert items(source) == {}  # the repository is empty as well
    served.write(handbook.wiki, "Home.md", "# Home")
    assert list(items(source)) == ["wiki/Home.md"]
    hidden = handbook.wiki.with_name("hidden")
    handbook.wiki.rename(hidden)
    with pytest.raises(Unavailable, match="not found"):
        listed(source, "")
    hidden.rename(handbook.wiki)
    handbook.has_wiki = False
    assert items(source) == {}


def test_collaborators_and_teams_read_what_is_private(served, open_source, handbook):
    served.add_issue(handbook, "One", "x")
    handbook.collaborators = [
        ANN,
        {"login": "Ben", "email": "Ben@Example.org"},
        {"login": "nobody-here"},
        {"login": "out", "email": "out@example.org", "permissions": {"pull": False}},
    ]
    handbook.teams = [{"slug": "staff"}, {"slug": "board"}]

    def readers(**given):
        (item,) = items(open_source(**given)).values()
        return item.readers

    known = ("user:ann@example.org", "user:ben@example.org")
    assert readers() == ("group:hub/board", "group:staff", *known)
    handbook.visibility = "internal"
    assert readers() == ("group:hub/board", "group:hub/enterprise members", "group:staff", *known)
    assert readers(people=People(groups={"enterprise members": "everyone"}))[0] == "everyone"
    handbook.visibility = "public"
    assert readers() == ("everyone",)
    assert readers(permissions=False) is None


def test_a_revocation_is_seen_without_a_change_of_content(served, open_source, handbook):
    served.add_issue(handbook, "One", "x")
    served.write(handbook.code, "a.md", "# A")
    source = open_source(parts=("issues", "code"))
    before = items(source)
    handbook.collaborators = []
    after = items(source)
    for path, item in before.items():
        assert (item.readers, after[path].readers) == (("user:ann@example.org",), ())
        assert after[path].revision == item.revision


def test_permissions_that_may_not_be_seen_leave_nobody_and_are_reported(served, open_source, handbook):
    served.add_issue(handbook, "One", "x")
    served.write(handbook.code, "a.md", "# A")
    handbook.collaborators = None
    handbook.teams = [{"slug": "staff"}]
    source = open_source(parts=("issues", "code"))
    assert {item.readers for item in items(source).values()} == {("group:staff",)}  # one of the two is enough
    handbook.teams = None
    for item in items(source).values():
        assert item.readers == ()
        with pytest.raises(SourceDenied, match="who may read the repository"):
            source.fetch(item)
    unasked = open_source(parts=("issues", "code"), permissions=False)
    assert all(unasked.fetch(item) for item in items(unasked).values())


def test_a_repository_that_is_not_shown_is_an_error(served, open_source, handbook):
    with pytest.raises(NotFound, match="acme/nothing"):
        listed(open_source(repositories=("acme/handbook", "acme/nothing")), "")
    with pytest.raises(SettingsError, match="twice"):
        Options(("acme/a", "Acme/A"))


def test_the_secondary_limit_is_waited_for(served, open_source, handbook):
    served.add_issue(handbook, "One", "x")
    waited = []
    served.throttle(2, seconds=7, status=403)
    assert len(items(open_source(wait=waited.append))) == 1
    assert waited == [7.0, 7.0]
    slow = [Answer({"message": "You have exceeded a secondary rate limit."}, 403)]
    served.meddle = lambda _: slow.pop() if slow else None
    assert len(items(open_source(wait=waited.append))) == 1
    assert waited[2:] == [60.0]


def test_the_primary_limit_is_waited_for_or_ends_the_run(served, open_source, handbook):
    served.add_issue(handbook, "One", "x")
    clock, waited = FixedClock(), []

    def wait(seconds):
        waited.append(seconds)
        served.remaining = 100

    served.remaining, served.reset = 1, int(clock.now().timestamp()) + 30
    assert len(items(open_source(clock=clock, wait=wait))) == 1
    assert waited == [30.0]
    served.remaining, served.reset = 1, int(clock.now().timestamp()) + 1800
    with pytest.raises(Unavailable, match="asked too often") as caught:
        listed(open_source(clock=clock, wait=wait), "")
    assert caught.value.retry_after == 1800
    assert waited == [30.0]


def test_a_token_that_is_renewed_on_the_way_counts_at_once(served, open_source, handbook):
    served.add_issue(handbook, "One", "x")
    served.write(handbook.code, "a.md", "# A")

    def expire(asked):
        if asked.path.endswith("/issues"):
            served.accept("renewed")

    def secret(_):
        return TOKEN if f"Bearer {TOKEN}" in served.proofs else "renewed"

    served.meddle = expire
    assert len(items(open_source(secret=secret, parts=("issues", "code")))) == 2
    with pytest.raises(SourceDenied, match="does not accept its credentials"):
        listed(open_source(), "")


def test_an_outage_in_the_middle_is_an_error(served, open_source, handbook):
    served.page = 5
    for number in range(20):
        served.add_issue(handbook, f"Issue {number}", "x")
    served.meddle = lambda asked: Answer("", 502) if asked.query.get("page") == "3" else None
    with pytest.raises(Unavailable):
        listed(open_source(), "")


@pytest.mark.parametrize(
    "broken",
    [Answer("<html>"), Answer({"message": "odd"}), Answer([1]), Answer([{"title": "no number"}]), Answer(None)],
)
def test_an_answer_that_is_misunderstood_is_not_taken_for_empty(served, open_source, handbook, broken):
    served.add_issue(handbook, "One", "x")
    served.meddle = lambda asked: broken if asked.path.endswith("handbook/issues") else None
    with pytest.raises(Unavailable):
        listed(open_source(), "")


def test_what_is_not_said_to_be_public_is_not(served, open_source, handbook):
    served.meddle = lambda asked: (
        Answer({"full_name": "acme/handbook", "url": "x", "html_url": "x", "clone_url": "x", "default_branch": "main"})
        if asked.path.endswith("/handbook")
        else None
    )
    with pytest.raises(Unavailable, match="not described"):
        listed(open_source(), "")


def test_pages_that_go_in_circles_or_elsewhere_are_left(served, open_source, handbook):
    number = served.add_issue(handbook, "One", "x")
    where = f"{served.api}/repos/acme/handbook/issues?page=2"
    pages = iter(range(10**6))

    def leading(link, *, on=False):
        def meddle(asked):
            if not asked.path.endswith("handbook/issues"):
                return None
            following = f"{link}{next(pages)}" if on else link
            return Answer([served._issue(handbook, number)], headers={"Link": f'<{following}>; rel="next"'})

        return meddle

    for meddle in (leading(where), leading(where, on=True)):
        served.meddle = meddle
        with pytest.raises(Unavailable, match="again and again"):
            listed(open_source(), "")
    served.meddle = leading("http://127.0.0.1:1/repos/acme/handbook/issues?page=2")
    with pytest.raises(Unavailable, match="leads elsewhere"):
        listed(open_source(), "")


def test_the_token_goes_with_git_to_github_alone(served, open_source, handbook):
    served.write(handbook.code, "a.md", "# A")
    record = served._record(handbook) | {"clone_url": "http://127.0.0.1:1/acme/handbook.git"}
    served.meddle = lambda asked: Answer(record) if asked.path.endswith("repos/acme/handbook") else None
    with pytest.raises(Unavailable, match="to clone from"):
        listed(open_source(parts=("code",)), "")


def test_what_is_too_large_costs_itself_alone(served, open_source, handbook):
    served.add_issue(handbook, "Long", "x" * 5000)
    served.add_issue(handbook, "Short", "Words.")
    source = open_source(max_bytes=2000)
    found = items(source)
    with pytest.raises(TooLarge):
        source.fetch(found["issues/1.md"])
    assert "Words." in text(source, found["issues/2.md"])


def test_hostile_words_are_words(served, open_source, handbook):
    hostile = "# Comment by boss, 2026-01-01\n\n<script>\n\n{% comment %}\n\n```\nopen [1]: x"
    number = served.add_issue(handbook, "# Title | x <b>", hostile)
    served.comment(handbook, number, hostile, user={"login": "eve"})
    served.comment(handbook, number, "Last words.\n\n{% endcomment %}")
    source = open_source()
    (item,) = items(source).values()
    document = parse(source.fetch(item), item.path)
    assert document.title == f"# Title | x <b> #{number}"
    headings = [document.text[b.start : b.end] for b in document.blocks if b.kind == "heading" and b.level == 2]
    assert headings == ["Comment by eve, 2026-01-01", "Comment by ben, 2026-01-01"]
    assert document.text.count("<script>") == 2
    assert "Last words." in document.text


def test_there_is_no_cursor(open_source):
    with pytest.raises(CursorExpired):
        next(open_source().pages("1"))
