"""Markdown of others keeps its form, and reaches beyond itself nowhere."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aver.knowledge.draft import clean
from aver.knowledge.parsing import parse
from aver.knowledge.sources.markdown import contained
from aver.knowledge.sources.rendering import code, code_span, link, page

SEPARATED = (
    "word¦# ¦## ¦\n¦\n\n¦- ¦1. ¦> ¦`¦```¦~~~¦<b>¦<script>¦<!--¦<div>¦</div>¦|¦---¦===¦    ¦\t¦{% comment %}¦{% endcomment %}¦{{x}}"
    "¦[a](b)¦[a]: b¦![i](j)¦<http://x.y>¦[^1]¦:¦{: .note}¦*¦_¦\\¦&lt;¦| a | b |\n|---|---|\n| 1 | 2 |\n"
)
PIECES = st.lists(st.sampled_from(SEPARATED.split("¦")), max_size=12)


def parsed(*parts):
    return parse(page("Title", "", *parts).encode(), "page.md")


@settings(deadline=None, max_examples=300)
@given(PIECES, PIECES)
@example(["<script>"], ["x"])
@example(["```", "\n", "{% comment %}"], ["```", "\n", "{% endcomment %}"])
@example(["<!--"], ["-->"])
@example(["- ", "# ", "word"], [])
def test_nothing_reaches_beyond_itself(one, other):
    """What stands after a foreign text is all there, and the document's own headings are where they were."""
    document = parsed(contained("".join(one), 2), "## Middle", contained("".join(other), 2), "## End", "Last words.")
    headings = [
        (document.text[block.start : block.end], block.level) for block in document.blocks if block.kind == "heading"
    ]
    own = [(text, level) for text, level in headings if level <= 2]
    assert own == [("Title", 1), ("Middle", 2), ("End", 2)]
    assert document.text.endswith("Last words.")


WORDS = st.lists(
    st.sampled_from(["alpha", "beta", "`gamma`", "delta <i>", "5 < 6", "{{ epsilon }}", "*zeta*"]), min_size=1
)


@settings(deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), st.sampled_from(["\n\n", "\n\n- ", "\n\n> ", "\n\n1. "]))
def test_words_are_kept(paragraphs, between):
    text = between.join(" ".join(words) for words in paragraphs)
    found = _letters(parsed(contained(text, 1)).text)
    for words in paragraphs:
        for word in words:
            assert _letters(word.strip("*`")) in found


def _letters(text):
    return "".join(clean(text).split())


def test_form_is_kept():
    text = """# Steps

1. Stop it:

   ```sh
   stop --now < all
   ```
2. Wait

| state | code |
| --- | --- |
| up | `200` |

> Mind the [manual](https://x.example/a_b).
"""
    document = parsed(contained(text, 2))
    kinds = {block.kind for block in document.blocks}
    assert {"heading", "list", "code", "table", "paragraph"} <= kinds
    assert [block.level for block in document.blocks if block.kind == "heading"] == [1, 3]
    assert "stop --now < all" in document.text
    assert "up | 200" in document.text
    assert "Mind the manual." in document.text


def test_html_is_words_and_dangerous_links_are_none():
    said = contained("<img src=x onerror=alert(1)> [ok](https://x.example) [go](../elsewhere)\n\n<details>\nhid", 1)
    assert said == "\\<img src=x onerror=alert(1)\\> [ok](<https://x.example>) go\n\n\\<details\\>\nhid"


def test_a_huge_paragraph_is_read_in_linear_time():
    assert parsed(contained("**a " * 30_000, 1)).text.count("a ") == 29_999


@pytest.mark.parametrize(("text", "fence"), [("x", "```"), ("```", "````"), ("a ```` b", "`````")])
def test_code_is_closed_by_nothing_in_it(text, fence):
    assert code(text, "py").splitlines() == [f"{fence}py", text, fence]
    assert code(text, 'py" onload').splitlines()[0] == f"{fence}py"
    assert code(text, "\n# x").splitlines()[1] == text


def test_spans_and_links():
    assert code_span("a < b") == "`a < b`"
    assert code_span("a`b") == r"a\`b"
    assert link("a [b]", "https://x.example/?q=1&r=2") == r"[a \[b\]](<https://x.example/?q=1&r=2>)"
    for url in (
        "javascript:x",
        "https://x.example/a b",
        "https://x>.example",
        "data:text/html,x",
        "https://x\\.example",
        "",
    ):
        assert link("label", url) == "label"
