"""Workbooks: sheets and their tables as a person sees them, where each row stands, and nothing that explodes."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.styles import numbers

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.adapters import xlsx
from aver.knowledge.adapters.grid import column_name
from aver.knowledge.parsing import parse
from tests.unit.knowledge.adapters.building import zipped

REAL = Path("../shared/data/documents/xlsx")


def book(**sheets):
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return workbook


def read(workbook):
    buffer = io.BytesIO()
    workbook.save(buffer)
    return parse(buffer.getvalue(), "x.xlsx")


def test_each_sheet_is_a_heading_and_each_row_has_an_anchor():
    parsed = read(book(Rates=[["Grade", "Days"], ["A", 30], ["B", 25]], Notes=[["Ask the desk."]]))
    assert parsed.text == "Rates\n\nGrade | Days\nA | 30\nB | 25\n\nNotes\n\nAsk the desk."
    assert [(block.kind, block.anchor, block.header) for block in parsed.blocks] == [
        ("heading", "Rates", False),
        ("table", "Rates!A1:B1", True),
        ("table", "Rates!A2:B2", False),
        ("table", "Rates!A3:B3", False),
        ("heading", "Notes", False),
        ("paragraph", "Notes!A1", False),
    ]


def test_cells_read_as_they_are_shown():
    workbook = book(Sheet=[["Name", "Value"]])
    shown = [
        ("share", 0.125, "0.0%"),
        ("price", 1234.5, '"$"#,##0.00'),
        ("day", datetime.date(2024, 3, 5), "DD/MM/YYYY"),
        ("moment", datetime.datetime(2024, 3, 5, 18, 30), numbers.FORMAT_DATE_DATETIME),  # noqa: DTZ001 - sheets know no zones
        ("yes", True, "General"),
        ("plain", 0.1 + 0.2, "General"),
    ]
    for row, (name, value, code) in enumerate(shown, 2):
        workbook["Sheet"].cell(row, 1, name)
        workbook["Sheet"].cell(row, 2, value).number_format = code
    assert read(workbook).text.split("\n")[3:] == [
        "share | 12.5%",
        "price | $1,234.50",
        "day | 2024-03-05",
        "moment | 2024-03-05 18:30:00",
        "yes | TRUE",
        "plain | 0.3",
    ]


def test_tables_on_one_sheet_stand_apart_and_titles_stand_over_them():
    workbook = book(
        S=[["Staff"], ["Name", "Age"], ["Ann", 30], [], ["Zed", 40], [], [], ["City", "Country"], ["Bonn", "DE"]]
    )
    workbook["S"]["E2"], workbook["S"]["F2"], workbook["S"]["E3"], workbook["S"]["F3"] = "K", "V", "a", 1
    parsed = read(workbook)
    assert parsed.text.split("\n\n") == [
        "S",
        "Staff",
        "Name | Age\nAnn | 30\nZed | 40",
        "K | V\na | 1",
        "City | Country\nBonn | DE",
    ]
    assert next(block for block in parsed.blocks if block.kind == "caption").anchor == "S!A1:B1"


def test_merged_cells_repeat_and_a_header_of_two_rows_is_one():
    workbook = book(S=[["Region", "Sales", None], [None, "2023", "2024"], ["North", 1, 2]])
    workbook["S"].merge_cells("B1:C1")
    workbook["S"].merge_cells("A1:A2")
    parsed = read(workbook)
    assert parsed.text == "S\n\nRegion | Sales | Sales\nRegion | 2023 | 2024\nNorth | 1 | 2"
    assert [block.header for block in parsed.blocks] == [False, True, True, False]


def test_hidden_sheets_are_left_out():
    workbook = book(Shown=[["a"]], Hidden=[["secret"]])
    workbook["Hidden"].sheet_state = "hidden"
    assert read(workbook).text == "Shown\n\na"


def test_a_sheet_whose_name_has_spaces_is_quoted_in_anchors():
    assert read(book(**{"My 'own' sheet": [["a"]]})).blocks[-1].anchor == "'My ''own'' sheet'!A1"


def test_charts_and_comments_follow_the_cells():
    workbook = book(S=[["Year", "Ducks"], ["2023", 5], ["2024", 7]])
    chart = BarChart()
    chart.title = "Ducks by year"
    chart.add_data(Reference(workbook["S"], min_col=2, min_row=1, max_row=3), titles_from_data=True)
    workbook["S"].add_chart(chart, "D2")
    workbook["S"]["B3"].comment = Comment("Why so many?", "Jane Editor")
    parsed = read(workbook)
    assert "Ducks by year" in parsed.text
    assert parsed.text.endswith("Jane Editor: Why so many?")
    assert parsed.blocks[-1].anchor == "S!B3"


SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def raw(cells, strings="", after=""):
    """A workbook of one sheet with these rows as XML."""
    links = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    workbook = f'<workbook xmlns="{SHEETS}" xmlns:r="{KIND}"><sheets><sheet name="S" r:id="a"/></sheets></workbook>'
    return zipped(
        {
            "xl/workbook.xml": workbook,
            "xl/_rels/workbook.xml.rels": (
                f'<Relationships {links}><Relationship Id="a" Type="{KIND}/worksheet" Target="s.xml"/>'
                f'<Relationship Id="b" Type="{KIND}/sharedStrings" Target="t.xml"/></Relationships>'
            ),
            "xl/s.xml": f'<worksheet xmlns="{SHEETS}"><sheetData>{cells}</sheetData>{after}</worksheet>',
            "xl/t.xml": f'<sst xmlns="{SHEETS}">{strings}</sst>',
        }
    )


def test_a_formula_reads_as_its_last_result_and_sounds_are_not_read():
    strings = "<si><r><t>東</t></r><r><t>京</t></r><rPh><t>トウキョウ</t></rPh></si>"
    cells = '<row><c t="s"><v>0</v></c><c t="str"><f>A1&amp;"x"</f><v>done</v></c><c t="e"><v>#REF!</v></c><c><f>1+1</f><v>2</v></c></row>'
    assert parse(raw(cells, strings), "x.xlsx").text == "S\n\n東京 | done | #REF! | 2"


def test_cells_far_apart_cost_nothing():
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    merged = '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    assert parse(raw(cells, after=merged), "x.xlsx").text == "S\n\n1\n\n2"


def test_more_cells_than_the_limit_are_refused_while_they_are_read(monkeypatch):
    monkeypatch.setattr(xlsx, "MOST_CELLS", 1_000)
    unfinished = raw("<row><c><v>1</v></c></row>" * 10_000 + "<never closed")
    with pytest.raises(TooLarge, match="1,000 filled cells") as caught:
        parse(unfinished, "x.xlsx")
    assert "Split" in caught.value.next_step


def test_one_text_in_many_cells_is_refused_before_it_grows():
    bomb = raw('<row><c t="s"><v>0</v></c></row>' * 10_000, f"<si><t>{'A' * 30_000}</t></si>")
    with pytest.raises(TooLarge, match="20,000,000 characters"):
        parse(bomb, "x.xlsx")


def test_a_wide_and_empty_table_is_refused():
    head = "".join(f'<c r="{column_name(column)}1"><v>1</v></c>' for column in range(16_000))
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>' for row in range(2, 1_000))
    with pytest.raises(TooLarge, match="span more than"):
        parse(raw(f'<row r="1">{head}</row>{rows}'), "x.xlsx")


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (zipped({"xl/workbook.bin": b"x"}), InvalidInput, "no workbook"),
        (zipped({"xl/workbook.xml": "<a/>"}), InvalidInput, "no workbook"),
        (raw("<row><c>"), InvalidInput, "damaged"),
        (raw("<row>" * 500), TooLarge, "nested"),
        (raw("", after="&x;").replace(b"PK", b"QK"), InvalidInput, "no workbook"),
    ],
)
def test_what_cannot_be_read_says_why(data, error, says):
    with pytest.raises(error, match=says):
        parse(data, "x.xlsx")


@pytest.mark.skipif(not REAL.exists(), reason="the documents under ../shared/data are not there")
def test_a_real_workbook_keeps_its_tables():
    parsed = parse((REAL / "xlsx_09_section_label_header.xlsx").read_bytes(), "x.xlsx")
    rows = parsed.text.split("\n\n")[-1].split("\n")
    assert rows[0] == "# | Genre | Sub-Genre | Title | Author | Publisher | Added"
    assert [len(row.split(" | ")) for row in rows] == [7, 7, 7]
