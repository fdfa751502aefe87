"""Foreign text in Markdown of our own stays text: what a reader of the document sees is what was written."""

from __future__ import annotations

from itertools import groupby

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aver.knowledge.draft import clean
from aver.knowledge.parsing import parse
from aver.knowledge.sources.rendering import fields, page

WORDS = st.text(st.sampled_from("ab #*_`[](){}<>|~!+-=>&.\\1\n\t:\"'"), max_size=40)


@settings(deadline=None)
@given(title=WORDS, text=WORDS)
@example(title="# Not a heading", text="# Nor this\n\n- nor a list\n1. nor this\n\n    nor code")
@example(title="a", text="a\n===")
@example(title="a", text="a\n---\n| b | c |\n| --- | --- |")
@example(title="a", text="<script>alert(1)</script> &amp; [x](javascript:y) ![](z)")
@example(title="a", text="---\ntitle: other\n---")
def test_what_was_written_is_what_is_read(title, text):
    title = title if title.split() else "x"  # whoever has no title says so
    written = page(title, text)
    parsed = parse(written.encode(), "page.md")
    headings = [block for block in parsed.blocks if block.kind == "heading"]
    assert len(headings) <= 1
    assert {block.kind for block in parsed.blocks} <= {"heading", "paragraph"}
    assert _letters(parsed.text) == _letters(title + text)


def test_fields_are_a_table():
    parsed = parse(page("Ticket", "It broke.", fields({"state": "open | shut", "by": "ann"})).encode(), "t.md")
    assert "state | open | shut\nby | ann" in parsed.text
    assert [kind for kind, _ in groupby(block.kind for block in parsed.blocks)] == ["heading", "paragraph", "table"]


def _letters(text: str) -> str:
    return "".join(clean(text).split())
