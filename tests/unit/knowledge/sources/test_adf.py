"""Atlassian Document Format as Markdown: what was written is what is read, as the kind of block it was."""

from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from aver.knowledge.parsing import parse
from aver.knowledge.sources.adf import markdown

WORDS = st.text(st.sampled_from("ab #*_`[](){}<>|~!+-=>&.\\1\n\"'"), max_size=20)


def text(words, **link):
    return {"type": "text", "text": words, **({"marks": [{"type": "link", "attrs": link}]} if link else {})}


def node(kind, *content, **attributes):
    return {"type": kind, "attrs": attributes, "content": list(content)}


def paragraph(*words):
    return node("paragraph", *map(text, words))


def read(*blocks):
    return parse(f"# T\n\n{markdown(node('doc', *blocks), below=1)}".encode(), "page.md")


def kinds(parsed):
    return [block.kind for block in parsed.blocks][1:]


@settings(deadline=None)
@given(st.lists(st.lists(WORDS, max_size=3), max_size=3))
def test_text_stays_text_however_it_is_cut_into_pieces(paragraphs):
    parsed = read(*(paragraph(*pieces) for pieces in paragraphs))
    assert set(kinds(parsed)) <= {"paragraph"}
    written = "".join("".join(pieces) for pieces in paragraphs)
    assert "".join(parsed.text[1:].split()) == "".join(written.split())


@settings(deadline=None)
@given(WORDS)
def test_code_stays_code(words):
    parsed = read(node("codeBlock", text(words), language="`` x"), paragraph("after"))
    assert kinds(parsed) in (["code", "paragraph"], ["paragraph"])
    assert "".join(words.split()) in "".join(parsed.text.split())


def test_blocks_keep_their_kind():
    item = node("listItem", paragraph("one"), node("orderedList", node("listItem", paragraph("two")), order=4))
    parsed = read(
        node("heading", text("Head"), level=2),
        node("bulletList", item),
        node(
            "table", *(node("tableRow", *(node("tableCell", paragraph(cell)) for cell in row)) for row in ("ab", "cd"))
        ),
        node("panel", paragraph("Mind this.")),
        node("rule"),
    )
    assert [kind for kind, _ in groupby(kinds(parsed))] == ["heading", "list", "table", "paragraph"]
    assert parsed.blocks[1].level == 3
    assert "4. two" in parsed.text


def test_everything_that_says_something_is_read():
    parsed = read(
        node("paragraph", node("mention", text="@Ann"), text(" by "), node("date", timestamp="1582152559000")),
        node("paragraph", text("terms", href="https://example.org/t"), node("hardBreak"), node("status", text="DONE")),
        node("expand", paragraph("inside"), title="More"),
        node("mediaSingle", node("media", alt="a chart"), node("caption", text("Figure 1"))),
        node(
            "taskList",
            node("taskItem", text("first"), state="DONE"),
            node("taskList", node("taskItem", text("second"))),
        ),
        node("blockCard", url="https://example.org/card"),
        node("somethingNew", paragraph("kept"), node("inner", text("as well"))),
    )
    for words in (
        "@Ann by 2020-02-19",
        "terms (https://example.org/t)",
        "DONE",
        "More",
        "inside",
        "a chart",
        "Figure 1",
        "first",
        "second",
        "https://example.org/card",
        "kept",
        "as well",
    ):
        assert words in parsed.text


def test_what_is_malformed_gives_what_it_has():
    odd = {
        "type": "doc",
        "content": [None, 3, {"type": 7}, {"content": "x"}, {"type": "heading", "attrs": {"level": "x"}}],
    }
    assert markdown(odd) == ""
    assert markdown(None) == ""
    assert markdown("plain *text*") == r"plain \*text\*"
    assert markdown(node("doc", node("paragraph", node("date", timestamp="1e99")), paragraph("after"))) == "after"


def test_what_is_nested_without_end_is_read_nevertheless():
    deep = paragraph("deep")
    for _ in range(20_000):
        deep = node("bulletList", node("listItem", deep))
    assert "deep" in markdown(node("doc", deep))
