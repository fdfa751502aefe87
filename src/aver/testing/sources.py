"""What every source of documents must do: a suite for whoever writes one.

A :class:`Place` is the far side of a source, as its owners change it. In a test::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_source(check, tmp_path):
        check(MyPlace(tmp_path))

A check raises ``AssertionError`` where the source does something else. ``PERMISSION_CHECKS`` are for sources that name readers.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from aver.core.errors import AverError
from aver.knowledge.listing import Listed, listed
from aver.knowledge.types import Source

__all__ = ["CHECKS", "PERMISSION_CHECKS", "PermittedPlace", "Place"]


class Place(Protocol):
    """Documents by name, each of some words. :meth:`open` gives the source as it is after a restart of the program."""

    def open(self) -> Source: ...

    def put(self, name: str, words: str) -> None: ...

    def remove(self, name: str) -> None: ...

    def away(self) -> AbstractContextManager[None]:
        """The far side cannot be reached, or refuses, within this block."""


class PermittedPlace(Place, Protocol):
    """A place whose documents have readers of their own."""

    def permit(self, name: str, readers: tuple[str, ...]) -> None:
        """So that the source names just these, as reader tokens."""


_MANY = 25


def lists_everything_once(place: Place) -> None:
    for number in range(_MANY):
        place.put(f"page-{number}", f"The word of this page is zebra{number:03}.")
    source = place.open()
    found = listed(source, "")
    assert found.whole, "a listing without a cursor is whole"
    words = [_words(source, item.path, found) for item in found.items]
    for number in range(_MANY):
        holding = [text for text in words if f"zebra{number:03}" in text]
        assert len(holding) == 1, f"page-{number} is listed {len(holding)} times"
    assert all(item.uri for item in found.items), "every item says where a person opens it"


def keeps_paths_and_revisions(place: Place) -> None:
    place.put("one", "The first words.")
    place.put("two", "Other words.")
    before, after = _listed(place), _listed(place)
    assert [item.path for item in before.items] == [item.path for item in after.items], "paths stay what they are"
    assert before.items == after.items, "what did not change is listed as it was"


def a_change_has_another_revision(place: Place) -> None:
    place.put("one", "The first words.")
    place.put("two", "Other words.")
    before = {item.path: item for item in _listed(place).items}
    place.put("one", "Quite different words, and more of them.")
    source = place.open()
    found = listed(source, "")
    after = {item.path: item for item in found.items}
    assert before.keys() == after.keys(), "a change of content is no change of path"
    changed = {path for path in after if "Quite different" in _words(source, path, found)}
    assert len(changed) == 1, "the change is seen"
    for path, item in after.items():
        if item.revision or before[path].revision:
            same = item.revision == before[path].revision
            assert same != (path in changed), f"the revision of {path} changes exactly with its content"


def a_deletion_is_seen(place: Place) -> None:
    place.put("one", "The first words.")
    place.put("two", "Other words.")
    before = _listed(place)
    place.remove("one")
    left = _listed(place)
    assert len(left.items) == 1, "what is gone is not listed"
    if before.cursor:
        gone = {item.path for item in before.items} - {item.path for item in left.items}
        since = listed(place.open(), before.cursor)
        assert len(gone) == 1, "what is left keeps its path"
        assert since.whole or gone <= since.gone, "a listing from a cursor says what is gone"


def a_cursor_lists_what_changed(place: Place) -> None:
    place.put("one", "The first words.")
    place.put("two", "Other words.")
    before = _listed(place)
    if not before.cursor:
        return
    nothing = listed(place.open(), before.cursor)
    assert not nothing.gone, "nothing is gone"
    place.put("one", "Quite different words, and more of them.")
    place.put("three", "Wholly new.")
    source = place.open()
    since = listed(source, before.cursor)
    words = " ".join(_words(source, item.path, since) for item in since.items)
    assert "Quite different" in words, "what changed is listed"
    assert "Wholly new" in words, "what is new is listed"
    later = listed(place.open(), since.cursor)
    assert later.whole or not {item.path for item in later.items} - {item.path for item in since.items}


def an_unknown_cursor_lists_everything(place: Place) -> None:
    place.put("one", "The first words.")
    if _listed(place).cursor:
        found = listed(place.open(), "0000000000000000000000000000000000000000")
        assert found.whole, "from a cursor that it does not know, everything is listed"
        assert len(found.items) == 1


def a_change_is_dated_after_what_it_changed(place: Place) -> None:
    """Where the source says when its documents changed."""
    place.put("one", "The first words.")
    place.put("two", "Other words.")
    before = {item.path: item for item in _listed(place).items}
    place.put("one", "Quite different words, and more of them.")
    for item in _listed(place).items:
        assert item.path in before, "a change of content is no change of path"
        was, now = before[item.path].changed, item.changed
        assert (was is None) == (now is None), "a date is told of every document's every state, or of none"
        if was is None or now is None:
            continue
        assert now.tzinfo is not None, "a date says in which time zone it is"
        changed = item.revision != before[item.path].revision
        assert now >= was if changed else now == was, f"the date of {item.path} follows its content"


def an_outage_is_an_error(place: Place) -> None:
    place.put("one", "The first words.")
    cursor = _listed(place).cursor
    source = place.open()
    with place.away():
        for at in {"", cursor}:
            try:
                found = listed(source, at)
            except AverError:
                continue
            raise AssertionError(f"while it is away it lists {found.items}, and the rest would be deleted")
    assert len(_listed(place).items) == 1, "afterwards it is as before"


def foreign_text_stays_text(place: Place) -> None:
    hostile = "# No heading <script>alert(1)</script> [link](javascript:x) | cell | {{x}} ../../etc/passwd"
    place.put("odd name & more", hostile)
    source = place.open()
    found = listed(source, "")
    (item,) = found.items
    assert "No heading" in _words(source, item.path, found)
    assert ".." not in item.path.split("/"), "a path leads nowhere else"


def permissions_are_followed(place: PermittedPlace) -> None:
    place.put("one", "The first words.")
    place.put("two", "Other words.")
    place.permit("one", ("group:staff",))
    place.permit("two", ())
    before = _listed(place)
    assert sorted(item.readers or () for item in before.items) == [(), ("group:staff",)], "readers are as permitted"
    place.permit("one", ("user:ann@example.org",))
    after = _listed(place)
    assert sorted(item.readers or () for item in after.items) == [(), ("user:ann@example.org",)]
    if before.cursor:
        since = listed(place.open(), before.cursor)
        assert ("user:ann@example.org",) in [item.readers for item in since.items], "a cursor tells of permissions too"


Check = Callable[[Place], None]
CHECKS: tuple[Check, ...] = (
    lists_everything_once,
    keeps_paths_and_revisions,
    a_change_has_another_revision,
    a_deletion_is_seen,
    a_cursor_lists_what_changed,
    an_unknown_cursor_lists_everything,
    a_change_is_dated_after_what_it_changed,
    an_outage_is_an_error,
    foreign_text_stays_text,
)
PERMISSION_CHECKS: tuple[Callable[[PermittedPlace], None], ...] = (permissions_are_followed,)


def _listed(place: Place) -> Listed:
    return listed(place.open(), "")


def _words(source: Source, path: str, found: Listed) -> str:
    """The content of a listed item, its escapes taken back."""
    (item,) = [each for each in found.items if each.path == path]
    return source.fetch(item).decode(errors="replace").replace("\\", "")
