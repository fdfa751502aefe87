"""What people write in Slack becomes Markdown with names, links and code, and nothing else that is more than words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.knowledge.parsing import parse
from aver.knowledge.sources.rendering import page
from aver.knowledge.sources.slack_text import markdown, plain

NAMES = {"U1": "Ann Bo", "U2": "# Eve *x*"}


def name(account):
    return NAMES.get(account, "somebody")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U1> and <@U9|x>, see <#C1|general>", "@Ann Bo and @somebody, see #general"),
        ("<!here> <!subteam^S1|@ops> <!date^1392734382^{date}|Feb 18> <!subteam^S2>", "@here @ops Feb 18 @group"),
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("*bold* _it_ ~no~ snake_case_name 2*3*4", "bold it no snake_case_name 2*3*4"),
        ("`x &lt; y` and `<@U1>`", "x < y and <@U1>"),
        ("<https://x.example/?a=1&amp;b=2|the page>", "the page"),
        ("<https://x.example/a>", "https://x.example/a"),
        ("<javascript:alert(1)|click>", "click"),
        ("<mailto:ann@example.org|ann@example.org>", "ann@example.org"),
        ("# no heading\n- no list\n> no quote", "# no heading\n- no list\n> no quote"),
        ("<@U2> wrote", "@# Eve *x* wrote"),
        ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
    ],
)
def test_text_is_shown_as_slack_shows_it(text, shown):
    document = parse(page("T", "", markdown(text, name)).encode(), "t.md")
    assert document.text.removeprefix("T\n\n") == shown
    assert {block.kind for block in document.blocks[1:]} == {"paragraph"}


def test_links_and_code_are_markdown():
    assert markdown("<https://x.example/?a=1&amp;b=2|the page>", name) == "[the page](<https://x.example/?a=1&b=2>)"
    assert markdown("so:\n```if a &lt; b:\n    go()```", name) == "so:\n\n```\nif a < b:\n    go()\n```"
    assert markdown("``````", name) == "```\n\n```"


def test_one_line_of_it():
    assert plain("*Is* <@U1> `here`?\nSee <https://x.example|this>", name) == "*Is* @Ann Bo here? See this"


SEPARATED = (
    "word¦```¦`¦*¦_¦~¦&lt;¦&gt;¦&amp;¦<¦>¦|¦<@U2>¦<!here>¦\n¦\n\n¦# ¦- ¦1. ¦<https://x.example|¦---¦===¦{{x}}¦{% comment %}¦    "
    "¦[a](b)¦\\¦&lt;!--"
)
PIECES = st.lists(st.sampled_from(SEPARATED.split("¦")), max_size=14)


@settings(deadline=None, max_examples=300)
@given(PIECES)
def test_nothing_reaches_beyond_itself(pieces):
    document = parse(page("Title", "", markdown("".join(pieces), name), "## End", "Last words.").encode(), "t.md")
    headings = [document.text[block.start : block.end] for block in document.blocks if block.kind == "heading"]
    assert headings == ["Title", "End"]
    assert document.text.endswith("Last words.")
