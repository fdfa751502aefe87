"""Comma-separated values in all their dialects."""

from __future__ import annotations

from pathlib import Path

import pytest

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.adapters import csv
from aver.knowledge.parsing import parse

REAL = Path("../shared/data/documents/csv")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a,b\n1,2\n", "a | b\n1 | 2"),
        (b"a;b\n1,5;2\n3,5;4\n", "a | b\n1,5 | 2\n3,5 | 4"),
        (b"a\tb\r\n1\t2\r\n", "a | b\n1 | 2"),
        (b"a|b\n1|2\n", "a | b\n1 | 2"),
        (b"sep=;\na;b,c\n1;2\n", "a | b,c\n1 | 2"),
        (b'name,remark\nAnn,"one, two\nthree ""four"""\n', 'name | remark\nAnn | one, two three "four"'),
        ("Stadt,Größe\nKöln,1\n".encode("windows-1252"), "Stadt | Größe\nKöln | 1"),
        ("a,b\n1,ü\n".encode("utf-16"), "a | b\n1 | ü"),
        (b"\xef\xbb\xbfa,b\n1,2\n", "a | b\n1 | 2"),
        (b"only\none\ncolumn\n", "only\none\ncolumn"),
        (b"a,b\n\n,\n1,2\n", "a | b\n1 | 2"),
    ],
)
def test_the_dialect_is_told_from_the_content(data, text):
    assert parse(data, "x.csv").text == text


@pytest.mark.parametrize(
    ("data", "has_header"),
    [
        (b"name,age\nAnn,3\n", True),
        (b"region,2023,2024\nnorth,1,2\n", True),
        (b"1,2\n3,4\n", False),
        (b"Ann,2024-03-05\nBob,2024-03-06\n", False),
        (b"a,a\n1,2\n", False),
        (b"a,b\n", False),
    ],
)
def test_a_header_names_columns_and_holds_no_data(data, has_header):
    blocks = parse(data, "x.csv").blocks
    assert blocks[0].header is has_header
    assert not any(block.header for block in blocks[1:])


def test_rows_are_anchored_to_their_lines():
    parsed = parse(b'a,b\n1,"x\ny"\n\n2,z\n', "x.tsv")
    assert [block.anchor for block in parsed.blocks] == ["L1", "L2-L3", "L5"]


def test_more_cells_than_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(csv, "MOST_CELLS", 1_000)
    with pytest.raises(TooLarge, match="1,000 cells"):
        parse(b"a,b\n" * 501, "x.csv")


def test_a_quote_that_is_never_closed_is_told():
    with pytest.raises(InvalidInput, match="damaged near line"):
        parse(b'a,b\n1,"' + b"x" * 2_000_000, "x.csv")


@pytest.mark.skipif(not REAL.exists(), reason="the documents under ../shared/data are not there")
def test_a_real_file_keeps_rows_and_columns():
    rows = parse((REAL / "csv-pipe.csv").read_bytes(), "x.csv").text.split("\n")
    assert [len(row.split(" | ")) for row in rows] == [12] * 6
    assert "Dominguez|Mcmillan and Donovan" in rows[4]
