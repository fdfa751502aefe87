"""Office files, mails and sheets that were changed at random: a sound document or an understood error, never anything else."""

from __future__ import annotations

import io
import json
import zipfile
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import openpyxl
import pptx as python_pptx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.knowledge.adapters.building import compound, docx, zipped
from tests.unit.knowledge.adapters.test_odf import odf, p
from tests.unit.knowledge.test_parsing import _check as check

REAL = Path("../shared/data/documents")


def saved(document):
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


@cache
def workbook():
    book = openpyxl.Workbook()
    for row in (["Name", "Day", "Share"], ["Ann", 45356, 0.5], ["Bob", 45357, 0.25]):
        book.active.append(row)
    book.active["B2"].number_format = "yyyy-mm-dd"
    book.active.merge_cells("A4:C4")
    return saved(book)


@cache
def presentation():
    deck = python_pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "Title", "One\nTwo"
    return saved(deck)


@cache
def mail():
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <a@example.org>", "b@example.org", "Größe"
    message.set_content("Hello.\n\nOn Tue, Bob Brown wrote:\n> Hi.\n")
    message.add_alternative("<p>Hello.<table><tr><td>a<td>b</table>", subtype="html")
    message.add_attachment(workbook(), maintype="application", subtype="octet-stream", filename="x.xlsx")
    message.add_attachment(message_with("Inner"))
    return message.as_bytes()


def message_with(subject):
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "c@example.org", subject
    inner.set_content("Inside.")
    return inner


@cache
def outlook():
    streams = {"__properties_version1.0": bytes(48)}
    for key, text in ((0x0037, "Travel"), (0x1000, "Hello."), (0x0C1A, "Ann")):
        streams[f"__substg1.0_{key:04X}001F"] = text.encode("utf-16-le")
    attached = "__attach_version1.0_#00000000/"
    streams |= {f"{attached}__properties_version1.0": bytes(8), f"{attached}__substg1.0_37010102": b"a,b\n1,2"}
    return compound(streams)


@cache
def samples():
    table = "<table:table><table:table-row><table:table-cell table:number-columns-repeated='3'>{}</table:table-cell></table:table-row></table:table>"
    return {
        "a.xlsx": workbook(),
        "a.pptx": presentation(),
        "a.docx": docx("<w:p><w:r><w:t>A word.</w:t></w:r></w:p>"),
        "a.odt": odf("text", p("Text") + table.format(p("cell"))),
        "a.ods": odf("spreadsheet", table.format(p("1"))),
        "a.odp": odf(
            "presentation", f"<draw:page><draw:frame presentation:class='title'>{p('Title')}</draw:frame></draw:page>"
        ),
        "a.eml": mail(),
        "a.msg": outlook(),
        "a.csv": b'a;b;c\n1;"two\nlines";3\n4;5;6\n',
        "a.rtf": rb"{\rtf1\ansi{\fonttbl Arial;}One \'e9\u8364?\par\trowd\intbl A\cell B\cell\row}",
        "a.py": b"import os\n\n\ndef f():\n    return 1\n",
        "a.ipynb": json.dumps(
            {"cells": [{"cell_type": "markdown", "source": ["# A\n"]}, {"cell_type": "code", "source": "1"}]}
        ).encode(),
    }


NAMES = sorted(samples())
CHANGES = st.lists(st.tuples(st.integers(0, 100_000), st.binary(max_size=4)), min_size=1, max_size=8)


def changed(original, changes, cut):
    data = bytearray(original)
    for place, piece in changes:
        data[place % len(data) : place % len(data) + len(piece)] = piece
    return bytes(data[: len(data) - cut % len(data)])


@settings(max_examples=250, deadline=None)
@given(name=st.sampled_from(NAMES), changes=CHANGES, cut=st.sampled_from([0, 0, 1, 50, 5_000]))
def test_changed_bytes_give_a_sound_document_or_an_understood_error(name, changes, cut):
    check(changed(samples()[name], changes, cut), name)


@settings(max_examples=250, deadline=None)
@given(
    name=st.sampled_from([name for name in NAMES if samples()[name].startswith(b"PK")]),
    part=st.integers(0, 100),
    changes=st.lists(
        st.tuples(
            st.integers(0, 100_000),
            st.binary(max_size=4) | st.sampled_from([b"999999999", b"-1", b'"', b"<", b">", b"&#0;"]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_changed_parts_of_an_archive_do_too(name, part, changes):
    with zipfile.ZipFile(io.BytesIO(samples()[name])) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    texts = [each for each, content in parts.items() if content and each.endswith((".xml", ".rels"))]
    chosen = texts[part % len(texts)]
    check(zipped({**parts, chosen: changed(parts[chosen], changes, 0)}), name)


@pytest.mark.skipif(not REAL.exists(), reason="the documents under ../shared/data are not there")
@settings(max_examples=100, deadline=None)
@given(data=st.data(), changes=CHANGES)
def test_changed_real_files_do_too(data, changes):
    files = sorted(
        path
        for kind in ("pptx", "xlsx", "odf", "email", "csv")
        for path in (REAL / kind).iterdir()
        if path.is_file() and path.suffix != ".pdf"
    )
    path = data.draw(st.sampled_from(files))
    check(changed(path.read_bytes(), changes, 0), path.name)
