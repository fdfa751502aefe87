"""What is wrong with documents is told, and what is well is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aver.knowledge.draft import Draft
from aver.knowledge.quality import CHECKS, Judged, assess
from aver.knowledge.traits import dump_traits, load_traits, traits

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SENTENCE = (
    "The committee meets on the first Tuesday of every month and its minutes are sent to all members within a week."
)
SHIFTED = "Wkh frpplwwhh phhwv rq wkh iluvw Wxhvgdb ri hyhub prqwk dqg lwv plqxwhv duh vhqw wr doo phpehuv."
"""What is copied from a PDF whose font says wrongly which letters its shapes are."""
GERMAN = "Die Verträge müssen für alle Geschäftsführer geprüft werden, bevor sie über die Straße nach München gehören."


def draft(*paragraphs, heading=""):
    written = Draft()
    if heading:
        written.heading(heading, 1)
    for paragraph in paragraphs:
        written.paragraph(paragraph)
    return written.finish("page")


def judged(name, parsed, updated=NOW):
    return Judged(name, parsed.title, f"{name}.md", updated, traits(parsed.text, parsed.blocks))


def found(*documents, **options):
    quality = assess(documents, NOW, **options)
    assert quality.documents == len(documents)
    assert list(quality.counts) == [check for check in CHECKS if check in quality.counts]
    return {check: {each.document for each in quality.findings if each.check == check} for check in quality.counts}


def text(words, start=0):
    """So many different words, as prose; no two texts with different starts share any."""
    return " ".join(f"w{chr(97 + at // 26 % 26)}{chr(97 + at % 26)}o{at}" for at in range(start, start + words)) + "."


def test_an_ordinary_page_has_nothing_wrong():
    assert found(judged("page", draft(SENTENCE, GERMAN, heading="Meetings"))) == {}


@pytest.mark.parametrize(
    ("check", "parsed"),
    [
        ("empty", draft("— · —")),
        ("short", draft("Coming soon.")),
        ("garbled", draft(GERMAN.encode().decode("cp1252"), SENTENCE)),
        ("garbled", draft(f"{SENTENCE} The sala\ufffdry of the ed\ufffditor.")),
        ("garbled", draft(SENTENCE.replace("o", "\ue123"))),
        ("garbled", draft(*[SHIFTED] * 4)),
        ("unstructured", draft(*(text(100, start) for start in range(0, 700, 100)))),
        ("unbroken", draft(text(450), heading="One paragraph")),
    ],
)
def test_what_is_wrong_with_one_document(check, parsed):
    assert found(judged("bad", parsed), judged("good", draft(SENTENCE, heading="Good"))) == {check: {"bad"}}


@pytest.mark.parametrize(
    "parsed",
    [
        draft(
            "„Spaß“, «CAFÉ», „JA“ und »NEIN«: Großes steht hier groß, und Straße reimt sich auf Maß, wie jeder weiß."
        ),
        draft(
            "The HTTP, HTTPS, TCP, SSH and DNS ports are listed below, and the SMTP and LDAP ports are never opened."
        ),
        draft(
            "\uf0b7 A list with bullets of a private font is not damaged by them, as each stands alone before its item."
        ),
    ],
)
def test_what_only_looks_wrong_is_not_told(parsed):
    assert found(judged("page", parsed)) == {}


def test_sheets_and_code_are_not_judged_as_prose():
    written = Draft()
    for row in range(400):
        written.row([f"SKU{row}", "BRGTLX", "KRZWPT"])
    assert found(judged("sheet", written.finish("sheet"))) == {}


def test_the_same_text_whatever_its_white_space_and_case():
    one, same = draft(SENTENCE, heading="Meetings"), draft(SENTENCE.upper() + "  ", heading="MEETINGS")
    other = draft(SENTENCE.replace("first", "third"), heading="Rules")
    assert found(judged("a", one), judged("b", same), judged("c", other)) == {"duplicate": {"a", "b"}}
    finding = assess([judged("a", one), judged("b", same)], NOW).findings[0]
    assert (finding.document, finding.others) == ("a", ("b",))


def test_figures_make_texts_different():
    one, other = (draft(f"{SENTENCE} It costs {price} euros.", heading="Price") for price in (10, 20))
    assert "duplicate" not in found(judged("a", one), judged("b", other))


def test_nearly_the_same_text_is_told_once_a_pair_and_not_what_shares_half():
    body = [text(100, start) for start in range(0, 400, 100)]
    one, near = draft(*body, heading="One"), draft(*body, SENTENCE[:40], heading="One")
    half = draft(*body[:2], text(200, 1000), heading="Half")
    assert found(judged("a", one), judged("b", near), judged("c", half)) == {"near-duplicate": {"a", "b"}}


def test_stale_is_what_did_not_change_for_the_days_given():
    page = draft(SENTENCE, heading="Meetings")
    old = judged("old", page, NOW - timedelta(days=30))
    assert found(old) == {}
    assert found(old, stale_days=30) == {"stale": {"old"}}
    assert found(old, stale_days=31) == {}


def test_examples_are_bounded_and_counts_are_not():
    quality = assess([judged(f"d{at}", draft(f"Stub {at}")) for at in range(60)], NOW)
    assert quality.counts == {"short": 60}
    assert len(quality.findings) == 20


def test_languages_are_counted():
    quality = assess(
        [judged("en", draft(SENTENCE)), judged("de", draft(GERMAN, GERMAN)), judged("?", draft("1 2 3"))], NOW
    )
    assert quality.languages == {"en": 1, "de": 1, "": 1}


def test_what_is_measured_is_stored_and_read_back():
    page = draft(SENTENCE, heading="Meetings")
    measured = traits(page.text, page.blocks)
    assert load_traits(dump_traits(measured)) == measured
