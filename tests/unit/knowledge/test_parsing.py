"""Which format a file has, what is refused, and what every parsed document promises."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import AverError, InvalidInput
from aver.knowledge.layout import dump_layout, load_layout
from aver.knowledge.parsing import UnsupportedFormat, parse
from tests.unit.knowledge.adapters.building import docx, pdf, zipped

NOISE = random.Random(7).randbytes(4096)
PDF = pdf([[(72, 700, 12, "A portable page.")]])
DOCX = docx("<w:p><w:r><w:t>A word.</w:t></w:r></w:p>")


@pytest.mark.parametrize(
    ("data", "path", "text"),
    [
        (PDF, "report.txt", "A portable page."),
        (b"junk before\n" + PDF, "x", "A portable page."),
        (DOCX, "x.zip", "A word."),
        (b"<!DOCTYPE html><p>Page", "x.md", "Page"),
        (b"\n<!-- saved -->\n<HTML><body>Page", "x.unknown", "Page"),
        (b"**Marked**", "x.MD", "Marked"),
        (b"A PDF begins with %PDF-1.7.", "x.md", "A PDF begins with %PDF-1.7."),
        (b"**Not marked**", "README", "**Not marked**"),
        ("Größe".encode("windows-1252"), "x.txt", "Größe"),
        ("Grüße 👋".encode("utf-16"), "x.txt", "Grüße 👋"),
    ],
)
def test_content_decides_the_format_before_the_name(data, path, text):
    assert parse(data, path).text == text


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        (b"", "x.md", "The file is empty"),
        (b" \n\t\n", "x.txt", "no text"),
        (NOISE, "x.md", "binary"),
        (NOISE, "x.txt", "binary"),
        (b"plain", "x.pdf", "no PDF"),
        (b"plain", "x.docx", "no Word document"),
        (zipped({"a.txt": "x"}), "x.docx", "no Word document"),
        (b"\x89PNG\r\n\x1a\n" + NOISE, "x.png", "damaged"),
        ("日本語のテキスト".encode("shift_jis"), "x.txt", "encoding"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"), "x.docx", "encrypted"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_do(data, path, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        parse(data, path)
    assert not isinstance(caught.value, UnsupportedFormat)
    assert caught.value.next_step.endswith(".")


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (zipped({"a.txt": "x"}), "x.zip"),
        (bytes.fromhex("d0cf11e0a1b11ae1"), "x.doc"),
        (b"a,b\n1,2", "x.parquet"),
        (b'- match: "board/**"\n  readers: [group:board]\n', "acl.yaml"),
    ],
)
def test_formats_that_are_not_read_are_told_apart_from_broken_files(data, path):
    with pytest.raises(UnsupportedFormat):
        parse(data, path)


TEXTS = st.text(
    st.sampled_from("ab \n#*-_`|<>[]()!&;:.1\t\r\\{}%\"'/=~+é\u0301\u0647👩\u200d\x00\x1b\ufeff") | st.characters(),
    max_size=300,
)
PATHS = st.sampled_from(["a.md", "a.txt", "a.html", "a", "a.pdf", "a.docx", "a.bin"])


@settings(max_examples=300)
@given(data=TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=300), path=PATHS)
def test_any_bytes_give_a_sound_document_or_an_understood_error(data, path):
    _check(data, path)


@settings(max_examples=100, deadline=None)
@given(
    original=st.sampled_from([PDF, DOCX, b"<html><table><tr><td>a<td>b</table><ul><li>x"]),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=4)), max_size=6),
    cut=st.integers(0, 400),
)
def test_damaged_files_give_a_sound_document_or_an_understood_error(original, changes, cut):
    data = bytearray(original)
    for place, piece in changes:
        data[place % len(data) : place % len(data) + len(piece)] = piece
    _check(bytes(data[: len(data) - cut] or data), "a.html")


def _check(data, path):
    try:
        document = parse(data, path)
    except AverError:
        return
    text = document.text
    assert document.title
    assert "\n" not in document.title
    assert unicodedata.is_normalized("NFC", text)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in text if character not in "\n\t")
    text.encode()
    end = -2
    before = None
    for block in document.blocks:
        between = text[end : block.start]
        goes_on = before is not None and before.kind == block.kind and between in ("", " ", "\n")
        assert goes_on or between == ("\n\n" if end >= 0 else "")
        assert text[block.start : block.end].strip()
        assert (block.level > 0) == (block.kind == "heading")
        assert block.page == 0 or block.box is not None
        end, before = block.end, block
    assert load_layout(dump_layout(document.blocks)) == document.blocks
    assert end == len(text) or not text
