"""How a document is written block by block."""

from __future__ import annotations

from aver.knowledge.draft import Draft


def test_a_document_in_a_document_keeps_its_places_below_its_own():
    inner = Draft()
    inner.heading("Inner", 1)
    inner.at(page=3, box=(0.1, 0.1, 0.2, 0.2))
    inner.paragraph("On a page.")
    inner.at(anchor="Sheet1!A2")
    inner.row(["a", "b"])
    outer = Draft()
    outer.paragraph("Before.")
    outer.include(inner.finish(""), "attachment x", below=2)
    outer.row(["c", "d"])
    parsed = outer.finish("")
    assert parsed.text == "Before.\n\nInner\n\nOn a page.\n\na | b\n\nc | d"
    assert [
        (parsed.text[block.start : block.end], block.level, block.page, block.box, block.anchor)
        for block in parsed.blocks[1:4]
    ] == [
        ("Inner", 3, 0, None, "attachment x"),
        ("On a page.", 0, 0, None, "attachment x, page 3"),
        ("a | b", 0, 0, None, "attachment x, Sheet1!A2"),
    ]
