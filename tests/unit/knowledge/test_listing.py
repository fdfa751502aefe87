"""A listing is read whole, whatever the source does meanwhile, or not at all."""

from __future__ import annotations

import pytest

from aver.core.errors import InvalidInput, TooLarge, Unavailable
from aver.knowledge.listing import Listed, listed
from aver.knowledge.types import CursorExpired, Page, SourceItem


class Scripted:
    """Pages by the cursor they are asked from; none for one that has expired."""

    name = "scripted"

    def __init__(self, **by_cursor):
        self.by_cursor = by_cursor

    def pages(self, cursor):
        pages = self.by_cursor.get(cursor or "whole")
        if pages is None:
            raise CursorExpired("The cursor is too old", "List everything.")
        yield from pages


def item(path, revision="", readers=None):
    return SourceItem(path, f"x:{path}", 0, revision, readers)


def test_pages_are_joined_and_the_last_cursor_counts():
    source = Scripted(whole=[Page((item("a"),), cursor="1"), Page((item("b"),), cursor="2")])
    assert listed(source, "") == Listed((item("a"), item("b")), frozenset(), "2", whole=True)


def test_a_page_that_comes_twice_does_no_harm_and_what_is_said_last_counts():
    source = Scripted(
        whole=[Page((item("a", "1"), item("b"))), Page((item("a", "1"), item("b"))), Page((item("a", "2"),), ("b",))]
    )
    found = listed(source, "")
    assert found.items == (item("a", "2"),)
    assert found.gone == {"b"}


def test_what_is_gone_and_comes_back_is_there():
    source = Scripted(since=[Page(gone=("a",)), Page((item("a"),), cursor="n")])
    assert listed(source, "since") == Listed((item("a"),), frozenset(), "n", whole=False)


def test_an_expired_cursor_lists_everything():
    assert listed(Scripted(whole=[Page((item("a"),), cursor="n")]), "old") == Listed(
        (item("a"),), frozenset(), "n", whole=True
    )


def test_a_source_that_expires_every_cursor_says_so():
    with pytest.raises(CursorExpired):
        listed(Scripted(), "old")


def test_a_source_without_end_is_left():
    class Endless:
        name = "endless"

        def pages(self, cursor):
            while True:
                yield Page((item("a"),), cursor="again")

    with pytest.raises(Unavailable, match="again and again"):
        listed(Endless(), "")


def test_a_source_that_invents_items_without_end_is_left():
    class Inventive:
        name = "inventive"

        def pages(self, cursor):
            number = 0
            while True:
                number += 1
                yield Page((item(str(number)),))

    with pytest.raises(TooLarge):
        listed(Inventive(), "", most=1000)


def test_a_source_that_breaks_is_an_error_that_says_of_what():
    class Broken:
        name = "broken"

        def pages(self, cursor):
            yield Page((item("a"),))
            raise KeyError("id")

    with pytest.raises(Unavailable, match="broken cannot be listed: KeyError: 'id'"):
        listed(Broken(), "")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (item("a\x00.md"), "control"),
        (item("a\x1b[2Jb.md"), "control"),
        (item("cod\u202efdp.exe"), "control"),
        (item("a\udcff.md"), "broken"),
        (item("x" * 10_000), "10,000 characters"),
        (item("../../etc/passwd"), "elsewhere"),
        (item("a/./b.md"), "elsewhere"),
        (item("a.md", revision="\x00"), "revision holds control"),
        (item("a.md", revision="9" * 5000), "revision has 5,000"),
        (SourceItem("a.md", "https://example.org/\ud800"), "uri holds control"),
    ],
)
def test_what_no_document_may_be_called_costs_itself_alone(wrong, why):
    found = listed(Scripted(whole=[Page((wrong, item("b")))]), "")
    assert found.items == (item("b"),)
    (refused,) = found.refused
    assert why in refused.error
    assert refused.path.encode().decode().isprintable()
    assert len(refused.path) < 300


@pytest.mark.parametrize("path", ["..md", "a..b/c...md", "hr/..hidden", "раy.md", "pay.md", "日本/🙂.md", "מדיניות.md"])
def test_odd_names_are_names_and_look_alikes_are_others(path):
    assert listed(Scripted(whole=[Page((item(path), item("pay.md")))]), "").items[0] == item(path)


@pytest.mark.parametrize("wrong", [item(""), item("a", readers=("everybody",)), item("a", readers=("group:",))])
def test_what_cannot_be_a_document_stops_the_listing(wrong):
    with pytest.raises(InvalidInput):
        listed(Scripted(whole=[Page((wrong,))]), "")
