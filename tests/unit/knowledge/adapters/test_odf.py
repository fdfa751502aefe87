"""OpenDocument texts, sheets and slides."""

from __future__ import annotations

from pathlib import Path

import pytest

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.adapters import ods
from aver.knowledge.parsing import parse
from tests.unit.knowledge.adapters.building import zipped

REAL = Path("../shared/data/documents/odf")
NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
    for name, full in {
        "office": "office", "text": "text", "table": "table", "style": "style", "draw": "drawing",
        "presentation": "presentation", "svg": "svg-compatible",
    }.items()
)  # fmt: skip


def odf(kind, body, styles="", prolog="", **parts):
    content = f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}></office:body>"
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"{prolog}<office:document-content {NAMES}>{content}</office:document-content>",
            **parts,
        }
    )


def text(body, styles=""):
    return parse(odf("text", body, styles), "x.bin")


def p(words, style="Standard"):
    return f'<text:p text:style-name="{style}">{words}</text:p>'


def test_headings_paragraphs_and_white_space():
    styles = '<style:style style:family="paragraph" style:name="Mine" style:parent-style-name="Title"/>'
    styles += '<style:style style:family="paragraph" style:name="Title"/>'
    styles += '<style:style style:family="text" style:name="Up"><style:text-properties style:text-position="super 58%"/></style:style>'
    body = (
        p("Leave", "Mine")
        + '<text:h text:outline-level="2">Rules</text:h>'
        + p(
            'Up <text:s text:c="3"/>to\n  <text:span>30</text:span> m<text:span text:style-name="Up">2</text:span><text:line-break/>a year'
        )
    )
    parsed = text(body, styles)
    assert parsed.text == "Leave\n\nRules\n\nUp to 30 m^2\na year"
    assert [(block.kind, block.level, block.anchor) for block in parsed.blocks] == [
        ("heading", 1, "paragraph 1"),
        ("heading", 2, "paragraph 2"),
        ("paragraph", 0, "paragraph 3"),
    ]


def test_lists_are_numbered_as_their_style_says():
    styles = """<text:list-style style:name="L">
      <text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix=")" text:start-value="4"/>
      <text:list-level-style-number text:level="2" style:num-format="a" style:num-prefix="(" style:num-suffix=")"/>
      <text:list-level-style-bullet text:level="3"/></text:list-style>"""
    item = "<text:list-item>{}</text:list-item>"
    third = f"<text:list>{item.format(p('deep'))}</text:list>"
    second = f"<text:list>{item.format(p('one') + third)}{item.format(p('two'))}</text:list>"
    body = f'<text:list text:style-name="L">{item.format(p("first") + second)}{item.format(p("second"))}</text:list>'
    assert text(body, styles).text == "4) first\n  (a) one\n    - deep\n  (b) two\n5) second"


def test_tables_keep_rows_columns_headers_and_merged_cells():
    cell = "<table:table-cell{}>{}</table:table-cell>".format
    covered = "<table:covered-table-cell/>"
    rows = [
        cell("", p("Grade")) + cell(' table:number-columns-spanned="2"', p("Days")) + covered,
        cell(' table:number-rows-spanned="2"', p("A")) + cell("", p("30")) + cell("", p("31")),
        covered + cell("", p("32")) + cell("", p("33")),
    ]
    header, *rest = [f"<table:table-row>{row}</table:table-row>" for row in rows]
    body = f"<table:table><table:table-header-rows>{header}</table:table-header-rows>{''.join(rest)}</table:table>"
    parsed = text(body)
    assert parsed.text == "Grade | Days | Days\nA | 30 | 31\nA | 32 | 33"
    assert [(block.header, block.anchor) for block in parsed.blocks] == [
        (True, "table 1, row 1"),
        (False, "table 1, row 2"),
        (False, "table 1, row 3"),
    ]


def test_what_the_reader_does_not_see_is_not_read():
    note = (
        "<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        + p("A note.")
        + "</text:note-body></text:note>"
    )
    frame = "<draw:frame><draw:image/><svg:title>x</svg:title><svg:desc>A duck</svg:desc></draw:frame>"
    body = (
        f"<text:tracked-changes>{p('deleted')}</text:tracked-changes><text:table-of-content>{p('Contents')}</text:table-of-content>"
        + p(f"Said{note}<office:annotation>{p('a comment')}</office:annotation> so.{frame}")
        + f'<text:section text:display="none">{p("hidden")}</text:section>'
    )
    assert text(body).text == "Said so.\n\nA duck\n\nA note."


def test_sheets_read_as_they_are_shown():
    cell = '<table:table-cell office:value-type="{}"{}>{}</table:table-cell>'.format
    rows = [
        cell("string", "", p("Name")) + cell("string", "", p("Share")),
        cell("string", "", p("Ann")) + cell("percentage", ' office:value="0.125"', p("12.5%")),
        '<table:table-cell table:number-columns-repeated="16384"/>',
    ]
    shown = "".join(
        f'<table:table-row table:number-rows-repeated="{1 if "Ann" in row or "Name" in row else 1_000_000}">{row}</table:table-row>'
        for row in rows
    )
    styles = (
        '<style:style style:family="table" style:name="H"><style:table-properties table:display="false"/></style:style>'
    )
    secret = f'<table:table table:name="B" table:style-name="H"><table:table-row>{cell("string", "", p("secret"))}</table:table-row></table:table>'
    parsed = parse(odf("spreadsheet", f'<table:table table:name="A">{shown}</table:table>{secret}', styles), "x.ods")
    assert parsed.text == "A\n\nName | Share\nAnn | 12.5%"
    assert [(block.anchor, block.header) for block in parsed.blocks[1:]] == [("A!A1:B1", True), ("A!A2:B2", False)]


def test_a_row_repeated_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(ods, "MOST_CELLS", 1_000)
    row = f'<table:table-row table:number-rows-repeated="1048576"><table:table-cell>{p("x")}</table:table-cell></table:table-row>'
    with pytest.raises(TooLarge, match="1,000 filled cells"):
        parse(odf("spreadsheet", f"<table:table>{row}</table:table>"), "x.ods")


def test_slides_read_title_first_then_text_and_notes():
    frame = '<draw:frame presentation:class="{}"{}><draw:text-box>{}</draw:text-box></draw:frame>'.format
    items = f"<text:list><text:list-item>{p('One')}</text:list-item></text:list>"
    page = (
        frame("outline", "", items)
        + frame("title", "", p("Rates"))
        + frame("subtitle", ' presentation:placeholder="true"', p("Click to add"))
        + f"<draw:g><draw:custom-shape>{p('In a shape')}</draw:custom-shape></draw:g>"
        + f"<presentation:notes>{frame('notes', '', p('Say it slowly.'))}</presentation:notes>"
    )
    parsed = parse(odf("presentation", f"<draw:page>{page}</draw:page>"), "x.odp")
    assert parsed.text == "Rates\n\n- One\n\nIn a shape\n\nSay it slowly."
    assert [(block.page, block.anchor) for block in parsed.blocks][2:] == [(1, "slide 1"), (1, "slide 1, notes")]


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (odf("text", "", **{"META-INF/manifest.xml": "<a><encryption-data/></a>"}), InvalidInput, "encrypted"),
        (odf("text", "&x;", prolog='<!DOCTYPE x [<!ENTITY x "ha">]>'), InvalidInput, "entities"),
        (odf("text", "<text:section>" * 1_000), TooLarge, "nested"),
        (odf("text", "<text:p>"), InvalidInput, "damaged"),
        (odf("text", ""), InvalidInput, "no text"),
        (zipped({"mimetype": "application/vnd.oasis.opendocument.text"}), InvalidInput, "no content"),
        (odf("text", p("A" * 65 * 2**20)), TooLarge, "64 MB"),
    ],
)
def test_what_cannot_be_read_says_why(data, error, says):
    with pytest.raises(error, match=says):
        parse(data, "x.odt")


@pytest.mark.skipif(not REAL.exists(), reason="the documents under ../shared/data are not there")
def test_a_real_text_keeps_tables_lists_and_headings():
    parsed = parse((REAL / "text_document_03.odt").read_bytes(), "x.odt")
    assert "Column A | Column B\nSimple cell upper left | Simple cell with bold and italic text\n" in parsed.text
    tables = [parsed.text[block.start : block.end] for block in parsed.blocks if block.kind == "table"]
    assert all(row.count(" |") == 1 for row in tables)
