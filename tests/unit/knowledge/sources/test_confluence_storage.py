"""Confluence's storage format: its words are read, its macros are understood, and nothing of it acts."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.parsing import parse
from aver.knowledge.sources.confluence_storage import html_page

TAGS = re.compile(r"<(/?[a-z0-9]+)([^>]*)>")
KNOWN = {f"h{level}" for level in range(1, 7)} | {
    *(
        "html",
        "head",
        "title",
        "body",
        "p",
        "ul",
        "ol",
        "li",
        "table",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "code",
        "strong",
        "em",
    ),
    *("a", "br", "hr", "div", "figure", "figcaption", "blockquote"),
}


def read(storage):
    return parse(html_page("Title", storage), "page.html")


def macro(name, body="", **parameters):
    given = "".join(f'<ac:parameter ac:name="{key}">{value}</ac:parameter>' for key, value in parameters.items())
    return f'<ac:structured-macro ac:name="{name}" ac:schema-version="1">{given}{body}</ac:structured-macro>'


def rich(storage):
    return f"<ac:rich-text-body>{storage}</ac:rich-text-body>"


def plain(text):
    return f"<ac:plain-text-body><![CDATA[{text}]]></ac:plain-text-body>"


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=60), st.booleans())
def test_text_stays_text(text, as_title):
    page = html_page(text if as_title else "T", "" if as_title else f"<p>{html.escape(text)}</p>").decode()
    assert {tag.strip("/") for tag, _ in TAGS.findall(page)} <= KNOWN
    assert (
        "".join(html.unescape(TAGS.sub("", page)).split()).find("".join(html.unescape(html.escape(text)).split())) >= 0
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<p onclick="x()" style="display:none" class="y">words</p>',
        '<a href="javascript:alert(1)">words</a>',
        '<a href=" data:text/html,x">words</a>',
        '<iframe src="https://evil.example/"><p>words</p></iframe>',
        '<td colspan="2&quot; onload=&quot;x">words</td>',
        macro("html", plain("<script>alert(1)</script>")),
        macro("info", rich("<p>x</p>"), title="&lt;script&gt;"),
        "<ac:image><ri:url ri:value='https://evil.example/pixel.png'/></ac:image>",
        "<h2 id=\"x' onmouseover='y\">words</h2>",
    ],
)
def test_nothing_acts(hostile):
    page = html_page("Title", hostile).decode()
    for tag, attributes in TAGS.findall(page):
        assert tag.strip("/").lower() in KNOWN
        assert attributes == ""


def test_words_of_every_macro_are_read():
    parsed = read(
        "<p>Caf&eacute;&nbsp;open &amp; warm</p>"
        + macro("code", plain("if a < b && c:\n    run(&nbsp;)"), language="python", title="run.py")
        + macro("warning", rich("<p>Hot.</p>"))
        + macro("expand", rich("<p>Folded.</p>"), title="More of it")
        + f"<p>{macro('status', title='IN PROGRESS', colour='Yellow')} {macro('jira', key='HR-12', server='x')}</p>"
        + macro("toc", maxLevel="3")
        + macro(
            "nobody-knows",
            rich("<table><tbody><tr><th>a</th><th>b</th></tr><tr><td>c</td><td>d</td></tr></tbody></table>"),
        )
        + "<ac:adf-extension><ac:adf-node type='panel'><ac:adf-attribute key='panel-type'>note</ac:adf-attribute>"
        + "<ac:adf-content><p>Noted.</p></ac:adf-content></ac:adf-node><ac:adf-fallback><p>Noted.</p></ac:adf-fallback>"
        + "</ac:adf-extension>"
    )
    assert "Café open & warm" in parsed.text
    code = next(block for block in parsed.blocks if block.kind == "code")
    assert parsed.text[code.start : code.end] == "if a < b && c:\n    run(&nbsp;)"
    for words in ("run.py", "Hot.", "More of it", "Folded.", "IN PROGRESS HR-12", "a | b", "c | d"):
        assert words in parsed.text
    assert parsed.text.count("Noted.") == 1
    for hidden in ("python", "Yellow", "maxLevel", "note\n"):
        assert hidden not in parsed.text


def test_links_pictures_tasks_and_times_are_read():
    parsed = read(
        '<p>See <ac:link><ri:page ri:content-title="Leave policy" ri:space-key="HR"/></ac:link>, '
        '<ac:link ac:anchor="top"><ri:page ri:content-title="Pay"/><ac:link-body>the <em>pay</em> page</ac:link-body></ac:link>, '
        '<ac:link><ri:attachment ri:filename="plan.pdf"/></ac:link>, <a href="https://example.org/?a=1&amp;b=2">the site</a> '
        'by <time datetime="2026-03-01"/>.</p>'
        '<ac:image ac:alt="A chart"><ri:attachment ri:filename="chart.png"/></ac:image>'
        '<ac:image><ri:attachment ri:filename="map.png"/><ac:caption><p>The map</p></ac:caption></ac:image>'
        "<ac:task-list><ac:task><ac:task-id>7</ac:task-id><ac:task-status>complete</ac:task-status>"
        "<ac:task-body>Order it</ac:task-body></ac:task><ac:task><ac:task-status>incomplete</ac:task-status>"
        "<ac:task-body>Pay it</ac:task-body></ac:task></ac:task-list>"
        "<ac:layout><ac:layout-section ac:type='two_equal'><ac:layout-cell><p>Left</p></ac:layout-cell>"
        "<ac:layout-cell><p>Right</p></ac:layout-cell></ac:layout-section></ac:layout>"
    )
    assert "See Leave policy, the pay page, plan.pdf, the site by 2026-03-01." in parsed.text
    captions = [parsed.text[block.start : block.end] for block in parsed.blocks if block.kind == "caption"]
    assert captions == ["A chart", "The map"]
    assert "- [x] Order it\n- [ ] Pay it" in parsed.text
    assert [each for each in parsed.text.split("\n") if each in ("Left", "Right")] == ["Left", "Right"]


@pytest.mark.parametrize(
    "broken", ["<p>open", "a < b", '<!DOCTYPE p [<!ENTITY a "b">]><p>&a;</p>', "&#0;", "</page><page>"]
)
def test_what_is_no_storage_format_is_refused(broken):
    with pytest.raises(InvalidInput, match="storage format"):
        html_page("Title", broken)


def test_what_is_nested_without_end_is_refused():
    with pytest.raises(TooLarge):
        html_page("Title", "<div>" * 5000 + "</div>" * 5000)


def test_sections_that_are_never_closed_take_no_time():
    with pytest.raises(InvalidInput):
        html_page("Title", "<![CDATA[" * 200_000)
