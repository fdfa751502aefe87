"""A source that can say what changed is asked for that alone, and nothing is lost by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.knowledge import AccessList, Page
from aver.knowledge.scope import Scope
from tests.knowledge import ChangingSource, open_world

LEAVE = "# Leave\n\nEmployees have thirty days of leave a year."
TRAVEL = "# Travel\n\nBook trains with the travel card."


@pytest.fixture
def acme(tmp_path):
    return open_world(tmp_path / "data")


@pytest.fixture
def source():
    source = ChangingSource()
    source.put("leave.md", LEAVE)
    source.put("travel.md", TRAVEL)
    return source


def titles(world, *groups, user="ada"):
    return {document.title for document in world.knowledge.documents(world.user(user, *groups))}


def test_only_what_changed_is_listed_and_fetched(acme, source):
    first = acme.knowledge.ingest(source)
    assert (first.added, first.unchanged) == (2, 0)
    source.put("leave.md", LEAVE + " Or more.")
    source.fetched.clear()
    second = acme.knowledge.ingest(source)
    assert (second.added, second.changed, second.deleted, second.unchanged) == (0, 1, 0, 0)
    assert source.fetched == ["leave.md"]
    assert titles(acme) == {"Leave", "Travel"}


def test_a_known_revision_is_not_fetched_again(acme, source):
    acme.knowledge.ingest(source)
    source.fetched.clear()
    assert acme.knowledge.ingest(source, whole=True).unchanged == 2
    assert source.fetched == []


def test_a_new_revision_of_the_same_content_is_fetched_once(acme, source):
    acme.knowledge.ingest(source)
    source.files["leave.md"] = (LEAVE, 99, None)
    for fetched in (["leave.md"], []):
        source.fetched.clear()
        assert acme.knowledge.ingest(source, whole=True).unchanged == 2
        assert source.fetched == fetched
    assert acme.knowledge.ingest(source, whole=True).changed == 0


def test_what_is_gone_is_deleted_and_what_is_not_listed_stays(acme, source):
    acme.knowledge.ingest(source)
    source.remove("leave.md")
    assert acme.knowledge.ingest(source).deleted == 1
    assert titles(acme) == {"Travel"}


def test_readers_that_the_source_names_decide_and_change_without_content(acme, source):
    source.put("leave.md", LEAVE, ("group:hr",))
    acme.knowledge.ingest(source)
    assert titles(acme) == {"Travel"}
    assert titles(acme, "hr") == {"Leave", "Travel"}
    source.put("leave.md", LEAVE, ("user:bo",))
    source.fetched.clear()
    report = acme.knowledge.ingest(source)
    assert (report.acl_changed, report.unchanged, source.fetched) == (1, 1, [])
    assert titles(acme, "hr") == {"Travel"}
    assert titles(acme, user="bo") == {"Leave", "Travel"}
    source.put("leave.md", LEAVE, ())
    acme.knowledge.ingest(source)
    assert titles(acme, user="bo") == {"Travel"}


def test_other_rules_of_access_hold_for_what_did_not_change(acme, source):
    acme.knowledge.ingest(source)
    nobody = AccessList.parse("- {match: leave.md, readers: []}", "acl.yaml")
    assert acme.knowledge.ingest(source, nobody).acl_changed == 2
    assert titles(acme) == set()
    assert acme.knowledge.ingest(source).acl_changed == 0


def test_what_could_not_be_fetched_is_tried_again(acme, source):
    source.put("card.md", None)
    assert [failure.path for failure in acme.knowledge.ingest(source).failed] == ["card.md"]
    source.files["card.md"] = ("# Card\n\nIn the safe.", 50, None)
    assert acme.knowledge.ingest(source).added == 1
    assert titles(acme) == {"Card", "Leave", "Travel"}


def test_a_broken_file_does_not_hold_up_the_others(acme, source):
    source.put("empty.md", "")
    acme.knowledge.ingest(source)
    source.put("travel.md", TRAVEL + " Or buses.")
    source.fetched.clear()
    assert acme.knowledge.ingest(source).changed == 1
    assert source.fetched == ["travel.md"]


def test_an_expired_cursor_deletes_what_is_no_longer_listed(acme, source):
    acme.knowledge.ingest(source)
    source.remove("leave.md")
    source.oldest = source.now + 1
    report = acme.knowledge.ingest(source)
    assert (report.deleted, report.unchanged) == (1, 1)
    assert titles(acme) == {"Travel"}


PATHS = st.sampled_from(["a.md", "b.md", "c.md"])
READERS = st.sampled_from([None, (), ("everyone",), ("group:hr",)])
EDITS = st.one_of(
    st.tuples(st.just("put"), PATHS, st.sampled_from(["one", "two", None]), READERS),
    st.tuples(st.just("remove"), PATHS),
    st.tuples(st.just("sync")),
    st.tuples(st.just("expire")),
)


@settings(max_examples=15, deadline=None)
@given(edits=st.lists(EDITS, max_size=12))
def test_however_it_is_followed_the_end_is_what_the_source_holds(tmp_path_factory, edits):
    world, source = open_world(tmp_path_factory.mktemp("data")), ChangingSource()
    for what, *rest in edits:
        if what == "put":
            path, word, readers = rest
            source.put(path, word and f"# {path}\n\nIt says {word}.", readers)
        elif what == "remove" and rest[0] in source.files:
            source.remove(rest[0])
        elif what == "sync":
            world.knowledge.ingest(source)
        elif what == "expire":
            source.oldest = source.now + 1
    for path, (content, _, readers) in list(source.files.items()):
        if content is None:
            source.put(path, f"# {path}\n\nIt says three.", readers)
    world.knowledge.ingest(source)
    for groups in ((), ("hr",)):
        may = {None, ("everyone",), *[("group:hr",) for _ in groups]}
        expected = {path: content for path, (content, _, readers) in source.files.items() if readers in may}
        principal = world.user("ada", *groups)
        found = {
            each.title: world.knowledge.document(principal, each.id) for each in world.knowledge.documents(principal)
        }
        assert found.keys() == expected.keys()
        assert all(expected[path].endswith(document.text.split("\n")[-1]) for path, document in found.items())
    assert world.knowledge.check() == []


class Dated(ChangingSource):
    """Says of everything that it changed at :attr:`when`."""

    when = None

    def pages(self, cursor):
        for page in super().pages(cursor):
            yield Page(tuple(replace(item, changed=self.when) for item in page.items), page.gone, page.cursor)


def test_a_version_is_never_dated_before_the_one_that_it_replaced(acme):
    source, day, now = Dated(), timedelta(days=1), acme.clock.now()
    for words, said, counted in (("Ten", -9, -9), ("Twenty", -3, -3), ("Ten", -9, -3), ("Thirty", 9, 0)):
        source.when = now + said * day
        source.put("leave.md", f"# Leave\n\n{words} days of leave a year.")
        acme.knowledge.ingest(source)
        (document,) = acme.knowledge.documents(acme.user("ada"))
        assert document.updated == now + counted * day

    def told(days):
        hits = acme.knowledge.search(acme.user("ada"), "days of leave", scope=Scope(as_of=now + days * day))
        return [hit.text.split()[0] for hit in hits]

    assert [told(days) for days in (-10, -4, -2, 1)] == [[], ["Ten"], ["Ten"], ["Thirty"]]


def test_a_document_that_comes_back_is_as_old_as_its_source_says(acme):
    source, now = Dated(), acme.clock.now()
    source.when = now - timedelta(days=9)
    source.put("leave.md", LEAVE)
    acme.knowledge.ingest(source)
    source.remove("leave.md")
    acme.knowledge.ingest(source)
    source.put("leave.md", LEAVE)
    acme.knowledge.ingest(source)
    (document,) = acme.knowledge.documents(acme.user("ada"))
    assert document.updated == source.when


def test_a_date_that_changes_without_the_content_makes_no_version(acme):
    source, day, now = Dated(), timedelta(days=1), acme.clock.now()
    source.when = now - 9 * day
    source.put("leave.md", LEAVE)
    acme.knowledge.ingest(source)
    for said, counted in ((-5, -5), (-7, -5), (3, 0)):
        source.when = now + said * day
        source.files["leave.md"] = (LEAVE, source.now + 10, None)
        source.changed["leave.md"] = source.now = source.now + 10
        assert acme.knowledge.ingest(source).unchanged == 1
        (document,) = acme.knowledge.documents(acme.user("ada"))
        assert (document.version, document.updated) == (1, now + counted * day)
    (hit,) = acme.knowledge.search(acme.user("ada"), "days of leave", scope=Scope(as_of=now - 8 * day))
    assert hit.version == 1  # it has been this since the first date
    assert acme.knowledge.search(acme.user("ada"), "days of leave", scope=Scope(since=now - day))


def test_a_date_is_told_without_a_revision_too(acme):
    class Nameless(Dated):
        def pages(self, cursor):
            for page in super().pages(cursor):
                yield Page(tuple(replace(item, revision="") for item in page.items), page.gone, page.cursor)

    source, now = Nameless(), acme.clock.now()
    source.when = now - timedelta(days=9)
    source.put("leave.md", LEAVE)
    acme.knowledge.ingest(source)
    source.when = now - timedelta(days=2)
    assert acme.knowledge.ingest(source, whole=True).unchanged == 1
    (document,) = acme.knowledge.documents(acme.user("ada"))
    assert (document.version, document.updated) == (1, source.when)
