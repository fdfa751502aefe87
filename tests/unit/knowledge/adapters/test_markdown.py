"""Markdown: what a reader would see, with nothing of its marks."""

from __future__ import annotations

import pytest

from aver.core.errors import TooLarge
from aver.knowledge.parsing import parse


def read(text, path="guides/travel-guide_faq.md"):
    return parse(text.encode(), path)


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("Some *emphasis*, **strong**, ~~gone~~ and `code_here`.", "Some emphasis, strong, gone and code_here."),
        ('A [link](https://x.y "t"), an <https://x.y/z> and ![an image](a.png).', "A link, an https://x.y/z and ."),
        ("**Note: **text and **b** c **d**", "Note: text and b c d"),
        ("Wrapped\nlines\nare one.", "Wrapped lines are one."),
        ("Line one  \nline two", "Line one\nline two"),
        ("- a\n- b\n  - c\n\n    more of c\n- d", "- a\n- b\n  - c\n    more of c\n- d"),
        ("3. x\n4. y", "3. x\n4. y"),
        ("- [ ] open\n- [x] done", "- [ ] open\n- [x] done"),
        ("|a|b|\n|-|-|\n|**1**|2|", "a | b\n1 | 2"),
        ("```py\nif x:\n    y = '**z**'\n```", "if x:\n    y = '**z**'"),
        ("> quoted\n> words", "quoted words"),
        ("&amp; &lt; &quot;", '& < "'),
        ("Run `a` with <your-name> and <b>bold</b>.", "Run a with <your-name> and bold."),
        ("<signature>Ada</signature>", "Ada"),
        ("<!-- hidden -->\nshown<script>alert(1)</script>", "shown"),
        ("<div>\n\n**Inside** a div\n\n</div>", "Inside a div"),
        ("<details><summary>More</summary>\n\nHere.\n\n</details>", "More\n\nHere."),
        ("A note[^1].\n\n[^1]: The note itself.", "A note.\n\nThe note itself."),
        ("Cafe\u0301 naïve", "Caf\u00e9 naïve"),
        ("مرحبا بك 👩‍👩‍👧 שלום", "مرحبا بك 👩‍👩‍👧 שלום"),
        ("zero\u200bwidth so\u00adft \u202eoverride\u0007 nul\x00", "zerowidth soft override nul"),
        # Liquid and kramdown
        ('See [the page]({% page "/a b/" %}) or {% slack_channel "help" %}.', "See the page or #help."),
        ('{% alert "Mind this" %}\n  The *text*.\n{% endalert %}', "Mind this\n\nThe text."),
        ("Before{% comment %}TODO{% endcomment %} after {{ site.url }}.", "Before after ."),
        ('Use {% raw %}`{% page "x" %}`{% endraw %} so.', 'Use {% page "x" %} so.'),
        ("[Go](/x){.usa-button} now", "Go now"),
        ("`{{ kept }}` and `{.kept}`", "{{ kept }} and {.kept}"),
    ],
)
def test_text_reads_as_it_would_on_a_page(marked, plain):
    assert read(marked).text == plain


def test_headings_keep_their_levels_and_title_the_document():
    document = read("# One *two*\n\ntext\n\nThree\n-----\n\nmore")
    assert document.title == "One two"
    assert [(block.kind, block.level) for block in document.blocks if block.kind == "heading"] == [
        ("heading", 1),
        ("heading", 2),
    ]


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("title: Leave & absence\nkeywords: x", "Leave & absence"),
        ("title: 2024-01-31", "2024-01-31"),
        ("title: Yes", "Yes"),
        ("title: [a, b]", "Heading"),
        ("title: 'open", "Heading"),
        ("just text", "Heading"),
        ("&a [*a, *a]", "Heading"),
    ],
)
def test_front_matter_titles_the_document_and_is_not_shown(front, title):
    document = read(f"---\n{front}\n---\n# Heading\n\nText.")
    assert (document.title, document.text) == (title, "Heading\n\nText.")


def test_a_page_of_front_matter_alone_is_a_document_without_text():
    document = read("---\ntitle: Moved\nredirect: /x\n---\n")
    assert (document.title, document.text, document.blocks) == ("Moved", "", ())


@pytest.mark.parametrize(
    ("path", "title"), [("a/travel-guide_faq.md", "Travel guide faq"), ("a/leave/index.md", "Leave")]
)
def test_a_page_without_heading_is_named_for_its_file(path, title):
    assert read("Text.", path).title == title


@pytest.mark.parametrize(
    "hostile",
    [
        "[",
        "[a](",
        "*a_ ",
        "`a``",
        "<a ",
        "<!--",
        "{% a ",
        "{{",
        "{% comment %}",
        "&#",
        "- ",
        "|a|b|\n|-|-|\n",
        "![",
        "\\",
        "~~~\n",
    ],
)
def test_hostile_repetition_is_read_in_reasonable_time(hostile):
    # Quadratic marks over this many repetitions would not return within the suite's patience.
    try:
        document = read("Start.\n\n" + hostile * (40_000 // len(hostile)))
    except TooLarge:
        return
    assert document.text.startswith("Start.")


def test_elements_that_nest_too_deeply_are_refused():
    with pytest.raises(TooLarge, match="nested"):
        read("<div>" * 1000)
