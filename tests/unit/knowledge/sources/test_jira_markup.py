"""Wiki markup becomes Markdown with headings, lists, tables, code and links, and nothing else that is more than words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.knowledge.parsing import parse
from aver.knowledge.sources.jira_markup import markdown
from aver.knowledge.sources.rendering import page


def read(text):
    return parse(page("T", "", markdown(text, below=1)).encode(), "t.md")


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        ("h2. Leave *now*", "heading", "Leave *now*"),
        ("one\ntwo", "paragraph", "one\ntwo"),
        ("{quote}said{quote}", "paragraph", "said"),
        ("{color:#ff0000}red{color} words", "paragraph", "red words"),
        (
            "see [the page|https://x.example/a|tip] and [https://x.example/b]",
            "paragraph",
            "see the page and https://x.example/b",
        ),
        ("[click|javascript:alert(1)] [~ann]", "paragraph", "click ~ann"),
        ("{code:java|title=x}\nint *x* = 1;\n{code}", "code", "int *x* = 1;"),
        ("{noformat}h1. no heading{noformat}", "code", "h1. no heading"),
        ("{code}never closed", "paragraph", "{code}never closed"),
        ("# no heading of Markdown\n", "list", None),
        ("h7. none\n> no quote\n=== none", "paragraph", "h7. none\n> no quote\n=== none"),
        ("<b>bold</b> <script>", "paragraph", "<b>bold</b> <script>"),
        ("snake_case_name 2*3*4", "paragraph", "snake_case_name 2*3*4"),
    ],
)
def test_what_is_written_is_shown(text, kind, shown):
    _, block = read(text).blocks
    assert block.kind == kind
    if shown is not None:
        parsed = read(text)
        assert parsed.text[block.start : block.end] == shown


def test_tables_keep_rows_and_columns():
    assert markdown("||grade||days||\n|A|27|\n|B|[30|https://x.example]|x|") == (
        "| grade | days |  |\n| --- | --- | --- |\n| A | 27 |  |\n| B | [30](<https://x.example>) | x |"
    )
    assert markdown("|A|27|").splitlines()[0] == "|  |  |"


def test_lists_are_as_deep_as_they_are():
    assert markdown("* one\n** two\n# three\n- four") == "- one\n   - two\n1. three\n- four"


@pytest.mark.parametrize("nothing", [None, 5, {"type": "doc"}, "", "\n \n", "{code}\n{code}", "{quote}{quote}"])
def test_nothing_is_nothing(nothing):
    assert markdown(nothing) == ""


SEPARATED = (
    "word¦```¦`¦*¦_¦~¦<¦>¦&¦|¦||¦[¦]¦[a|b]¦\n¦\r\n¦\n\n¦# ¦- ¦1. ¦[x|https://x.example/]¦---¦===¦{{x}}¦{% comment %}¦    "
    "¦{code}¦{noformat}¦{quote}¦{code:{¦\\¦<!--¦\0¦h1.x¦https://x.example/<y"
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(SEPARATED.split("¦")), max_size=14))
def test_nothing_reaches_beyond_itself(pieces):
    written = markdown("".join(pieces), below=1)
    document = parse(page("Title", "", written, "## End", "Last words.").encode(), "t.md")
    headings = [document.text[block.start : block.end] for block in document.blocks if block.kind == "heading"]
    assert headings == ["Title", "End"]
    assert document.text.endswith("Last words.")
