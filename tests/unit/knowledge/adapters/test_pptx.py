"""Presentations: slides in order, what each shows in reading order, its notes, and where it stands."""

from __future__ import annotations

import io
from pathlib import Path

import pptx as python_pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from aver.core.errors import AverError, InvalidInput, TooLarge
from aver.knowledge.parsing import parse
from tests.unit.knowledge.adapters.building import zipped

REAL = Path("../shared/data/documents/pptx")
PLACE = (Inches(1), Inches(1), Inches(4), Inches(2))


def saved(presentation):
    buffer = io.BytesIO()
    presentation.save(buffer)
    return buffer.getvalue()


def slide(presentation, layout):
    return presentation.slides.add_slide(presentation.slide_layouts[layout])


def test_slides_read_title_first_then_lists_text_and_notes():
    presentation = python_pptx.Presentation()
    first = slide(presentation, 0)
    first.shapes.title.text = "Travel policy"
    first.placeholders[1].text = "For everyone"
    second = slide(presentation, 1)
    second.shapes.title.text = "Rates"
    body = second.placeholders[1].text_frame
    body.text = "Per diem"
    deeper = body.add_paragraph()
    deeper.text, deeper.level = "Abroad", 1
    box = second.shapes.add_textbox(*PLACE)
    box.text_frame.text = "A loose remark"
    second.notes_slide.notes_text_frame.text = "Mention the new rates."
    parsed = parse(saved(presentation), "x.pptx")
    assert parsed.text == (
        "Travel policy\n\nFor everyone\n\nRates\n\n- Per diem\n  - Abroad\n\nA loose remark\n\nMention the new rates."
    )
    assert parsed.title == "Travel policy"
    assert [(block.kind, block.page, block.anchor) for block in parsed.blocks] == [
        ("heading", 1, "slide 1"),
        ("paragraph", 1, "slide 1"),
        ("heading", 2, "slide 2"),
        ("list", 2, "slide 2"),
        ("paragraph", 2, "slide 2"),
        ("paragraph", 2, "slide 2, notes"),
    ]


def test_tables_keep_rows_columns_and_merged_cells():
    presentation = python_pptx.Presentation()
    table = slide(presentation, 6).shapes.add_table(3, 3, *PLACE).table
    for row, words in enumerate((("Grade", "Days", "Days"), ("A", "30", "31"), ("", "32", "33"))):
        for column, word in enumerate(words):
            table.cell(row, column).text = word
    table.cell(0, 2).text = ""
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(1, 0).merge(table.cell(2, 0))
    parsed = parse(saved(presentation), "x.pptx")
    assert parsed.text == "Grade | Days | Days\nA | 30 | 31\nA | 32 | 33"
    assert [(block.kind, block.header) for block in parsed.blocks] == [("table", True), ("table", False)]


def test_a_chart_is_its_title_and_its_numbers():
    presentation = python_pptx.Presentation()
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("North", (1.5, 2))
    data.add_series("South", (3, 4))
    chart = slide(presentation, 6).shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *PLACE, data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Sales"
    parsed = parse(saved(presentation), "x.pptx")
    assert parsed.text == "Sales\n\n| North | South\n2023 | 1.5 | 3\n2024 | 2 | 4"
    assert [block.kind for block in parsed.blocks] == ["caption", "table", "table"]


def test_groups_stand_in_place_and_pictures_are_told_by_their_authors_words():
    presentation = python_pptx.Presentation()
    page = slide(presentation, 6)
    group = page.shapes.add_group_shape()
    for word in ("in", "group"):
        group.shapes.add_textbox(*PLACE).text_frame.text = word
    page.shapes.add_textbox(*PLACE).text_frame.text = "after"
    for words in ("A duck at a desk", "A dog.\n\nDescription automatically generated", "scan.png"):
        picture = page.shapes.add_picture(io.BytesIO(PNG), *PLACE)
        picture._element.nvPicPr.cNvPr.set("descr", words)
    parsed = parse(saved(presentation), "x.pptx")
    assert parsed.text == "in\n\ngroup\n\nafter\n\nA duck at a desk"
    assert parsed.blocks[-1].kind == "caption"


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000"
    "000049454e44ae426082"
)


def test_numbered_items_count_as_shown():
    shape = '<p:sp><p:nvSpPr><p:cNvPr id="2" name="x"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>{}</p:txBody></p:sp>'
    item = '<a:p><a:pPr lvl="{}"><a:buAutoNum type="{}"{}/></a:pPr><a:r><a:t>{}</a:t></a:r></a:p>'
    items = [
        (0, "arabicPeriod", ' startAt="3"', "c"),
        (1, "alphaLcParenR", "", "deep"),
        (0, "arabicPeriod", ' startAt="3"', "d"),
    ]
    text = parse(deck(shape.format("".join(item.format(*each) for each in items))), "x.pptx").text
    assert text == "3. c\n  a) deep\n4. d"


NAMES = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)


def deck(shapes, prolog=""):
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/slide"
    links = "http://schemas.openxmlformats.org/package/2006/relationships"
    return zipped(
        {
            "ppt/presentation.xml": f'<p:presentation {NAMES}><p:sldIdLst><p:sldId r:id="a"/></p:sldIdLst></p:presentation>',
            "ppt/_rels/presentation.xml.rels": (
                f'<Relationships xmlns="{links}"><Relationship Id="a" Type="{kind}" Target="slides/s.xml"/></Relationships>'
            ),
            "ppt/slides/s.xml": f"{prolog}<p:sld {NAMES}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>",
        }
    )


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (deck("<p:grpSp>" * 1_000), TooLarge, "nested"),
        (deck("&x;", '<!DOCTYPE x [<!ENTITY x "ha">]>'), InvalidInput, "entities"),
        (deck("<a>"), InvalidInput, "damaged"),
        (deck(""), InvalidInput, "no text"),
        (zipped({"ppt/presentation.xml": "<a/>"}), InvalidInput, "no presentation"),
        (deck(f"<p:sp>{'A' * 65 * 2**20}</p:sp>"), TooLarge, "64 MB"),
    ],
)
def test_what_cannot_be_read_says_why(data, error, says):
    with pytest.raises(error, match=says):
        parse(data, "x.pptx")


def test_a_file_named_so_that_is_none_says_so():
    with pytest.raises(AverError, match="no presentation"):
        parse(b"plain", "x.pptx")


@pytest.mark.skipif(not REAL.exists(), reason="the documents under ../shared/data are not there")
def test_a_real_presentation_keeps_every_line():
    parsed = parse((REAL / "powerpoint_unrecognized_shape.pptx").read_bytes(), "x.pptx")
    assert parsed.text.split("\n\n")[0] == "Q3 Revenue Summary"
    assert "- Enterprise segment led growth at 24%.\n- APAC region" in parsed.text
    assert "Text in an unrecognized shape" in parsed.text
