"""Values that have a form of their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.policy.kinds import kind_of, kinds_in
from aver.policy.matching import Text, occurs, resembles


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://Acme.test/a?b=1. Or www.acme.test!", {"acme.test/a?b=1", "acme.test"}),
        (
            "at evil.ru/x and docs.example.co.uk; not a.txt, report.final.pdf, e.g. 3.14 or v1.2",
            {"evil.ru/x", "docs.example.co.uk"},
        ),
        ("mail ben@acme.test", set()),
        ("(https://acme.test/x) <evil.example>", {"acme.test/x", "evil.example"}),
    ],
)
def test_links(text: str, found: set[str]) -> None:
    assert kinds_in(text, "url") == found


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ben@acme.test", "email"),
        ("DE89 3704 0044 0532 0130 00", "account"),
        ("www.acme.test", "url"),
        ("4711", "id"),
        ("notes.txt", "other"),
        ("Ben", "other"),
        ("", "other"),
    ],
)
def test_the_kind_of_a_value(value: str, kind: str) -> None:
    assert kind_of(value) == kind


@pytest.mark.parametrize("piece", ["a", "a.", "a-", ".", "a@", "a@a.", "www.", "http://", "AB12", "@", "\u0430"])
def test_long_texts_of_one_piece_are_gone_through_once(piece: str) -> None:
    # A pattern that went back over the text would take minutes here.
    text = piece * 60_000
    for kind in ("email", "account", "url"):
        kinds_in(text, kind)
    occurs(Text(f"{piece}x"), Text(text))
    occurs(Text(piece), Text(text))


@given(st.text(min_size=1), st.text(), st.text())
def test_what_is_said_resembles(value: str, before: str, after: str) -> None:
    text = Text(f"{before} {value} {after}")
    if occurs(Text(value), text) and Text(value).loose:
        assert resembles(Text(value), text)


@given(
    st.text(alphabet="ab@. -\u200b\u202e\u0430", min_size=1, max_size=8),
    st.text(alphabet="ab@. -\u200b\u202e\u0430", max_size=20),
)
def test_what_is_said_stands_there_letter_for_letter(value: str, text: str) -> None:
    if occurs(Text(value), Text(text)):
        assert " ".join(value.split()) in " ".join(text.split())
