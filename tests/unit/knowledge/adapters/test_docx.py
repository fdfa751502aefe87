"""Word documents: structure in reading order, numbering as Word counts it, and nothing that explodes."""

from __future__ import annotations

import io

import docx as python_docx
import pytest

from aver.core.errors import AverError, InvalidInput, TooLarge
from aver.knowledge.parsing import parse
from aver.knowledge.tables import units
from tests.unit.knowledge.adapters.building import docx, zipped

NUMBERING = """
<w:abstractNum w:abstractNumId="1">
  <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
  <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%2)"/></w:lvl>
  <w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="lowerRoman"/><w:lvlText w:val="%1.%2.%3"/></w:lvl>
</w:abstractNum>
<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl></w:abstractNum>
<w:num w:numId="7"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="8"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="9"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>
"""


def p(text, properties=""):
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def item(text, number, depth=0):
    return p(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{number}"/></w:numPr>')


def cell(*paragraphs, properties=""):
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{''.join(map(p, paragraphs))}</w:tc>"


def text_of(body, **parts):
    return parse(docx(body, **parts), "policy.docx").text


def test_a_document_made_by_the_usual_library_reads_in_order():
    document = python_docx.Document()
    document.add_heading("Leave", 0)
    document.add_paragraph("Everyone may take leave.")
    document.add_heading("Carry-over", 1)
    document.add_paragraph("First", style="List Bullet")
    document.add_paragraph("Second", style="List Bullet")
    document.add_paragraph("One", style="List Number")
    document.add_paragraph("Two", style="List Number")
    table = document.add_table(2, 2)
    for row, words in zip(table.rows, (("Days", "Grade"), ("30", "A")), strict=True):
        for place, word in zip(row.cells, words, strict=True):
            place.text = word
    document.add_paragraph("After the table.")
    buffer = io.BytesIO()
    document.save(buffer)
    parsed = parse(buffer.getvalue(), "x.docx")
    assert parsed.title == "Leave"
    assert parsed.text == (
        "Leave\n\nEveryone may take leave.\n\nCarry-over\n\n- First\n- Second\n1. One\n2. Two\n\nDays | Grade\n30 | A\n\nAfter the table."
    )
    assert [unit[0].kind for unit in units(parsed.blocks)] == [
        "heading",
        "paragraph",
        "heading",
        "list",
        "table",
        "paragraph",
    ]


def test_lists_are_numbered_as_word_numbers_them():
    body = (
        item("a", 7)
        + item("b", 7, 1)
        + item("c", 7, 1)
        + item("d", 7, 2)
        + item("e", 7)
        + item("f", 7, 1)
        + item("g", 8)
    )
    body += item("h", 7) + item("i", 9)
    expected = "1. a\n  (a) b\n  (b) c\n    1.b.i. d\n2. e\n  (a) f\n- g\n3. h\n1. i"
    assert text_of(body, numbering=NUMBERING) == expected


def test_heading_levels_come_from_styles_and_what_they_are_based_on():
    styles = """
    <w:style w:styleId="H"><w:name w:val="heading 2"/></w:style>
    <w:style w:styleId="Mine"><w:name w:val="My heading"/><w:basedOn w:val="H"/></w:style>
    <w:style w:styleId="Loop"><w:name w:val="Loop"/><w:basedOn w:val="Loop"/></w:style>
    <w:style w:styleId="Toc"><w:name w:val="toc 1"/></w:style>
    """
    body = (
        p("Contents", '<w:pStyle w:val="Toc"/>')
        + p("Second", '<w:pStyle w:val="Mine"/>')
        + p("Text", '<w:pStyle w:val="Loop"/>')
    )
    body += p("Third", '<w:outlineLvl w:val="2"/>')
    parsed = parse(docx(body, styles=styles), "x.docx")
    assert [(block.kind, block.level) for block in parsed.blocks] == [("heading", 2), ("paragraph", 0), ("heading", 3)]
    assert "Contents" not in parsed.text


def test_words_are_read_wherever_word_puts_them():
    body = f"""
    <w:sdt><w:sdtContent>{p("In a control.")}</w:sdtContent></w:sdt>
    <w:p><w:hyperlink><w:r><w:t>A link</w:t></w:r></w:hyperlink><w:ins><w:r><w:t xml:space="preserve"> inserted</w:t></w:r></w:ins>
      <w:del><w:r><w:delText>deleted</w:delText></w:r></w:del><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>
      <w:r><w:t>, x</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>2</w:t></w:r>
      <w:r><w:fldChar/><w:instrText>PAGEREF</w:instrText></w:r></w:p>
    <w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent>{p("In a box.")}</w:txbxContent></mc:Choice>
      <mc:Fallback><w:txbxContent>{p("In a box.")}</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>
    <w:p><m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></w:p>
    """
    notes = f'<w:footnote w:type="separator">{p("line")}</w:footnote><w:footnote>{p("A note.")}</w:footnote>'
    assert text_of(body, footnotes=notes).split("\n\n") == [
        "In a control.",
        "A link inserted, x^2",
        "In a box.",
        "(a+b)/2",
        "A note.",
    ]


def test_merged_cells_repeat_so_that_each_row_says_it_all():
    start, goes_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rows = [cell("Berlin", properties=start) + cell("30", "days"), cell("", properties=goes_on) + cell("31")]
    table = "".join(f"<w:tr>{row}</w:tr>" for row in rows)
    assert text_of(f"<w:tbl>{table}</w:tbl>") == "Berlin | 30 days\nBerlin | 31"


def test_a_table_of_one_column_is_a_frame_around_text():
    assert text_of(f"<w:tbl><w:tr>{cell('One.', 'Two.')}</w:tr></w:tbl>") == "One.\n\nTwo."


def test_the_strict_variant_of_the_standard_is_read():
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    assert parse(docx(p("Strict."), namespace=strict), "x.docx").text == "Strict."


def test_entities_are_refused_before_they_grow():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = docx("<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>", prolog=f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>')
    with pytest.raises(InvalidInput, match="entities"):
        parse(bomb, "x.docx")


def test_a_part_that_unpacks_too_large_is_refused_unread():
    bomb = docx(p("A" * (65 * 2**20)))
    assert len(bomb) < 2**20
    with pytest.raises(TooLarge, match="64 MB"):
        parse(bomb, "x.docx")


def test_endless_nesting_is_refused():
    with pytest.raises(TooLarge, match="nested"):
        parse(docx("<w:sdt>" * 10_000), "x.docx")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (docx(p("x"))[:-40], "damaged"),
        (docx("<w:p>"), "damaged"),
        (docx(""), "no text"),
        (zipped({"word/other.xml": "<a/>"}), "no Word document"),
        (zipped({"word/document.xml": "<a/>"}), "no Word document"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
    ],
)
def test_what_is_no_readable_document_says_why(data, says):
    with pytest.raises(AverError, match=says):
        parse(data, "x.docx")
