"""HTML: the page's content in order, without its furniture."""

from __future__ import annotations

import pytest

from aver.knowledge.parsing import parse


def read(html, path="page.html"):
    return parse(html.encode() if isinstance(html, str) else html, path)


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("<p>One <b>bold</b>\n  and <i>it</i>alic.</p><p>Two.", "One bold and italic.\n\nTwo."),
        ("<div>Loose<div>Nested</div>tail</div>", "Loose\n\nNested\n\ntail"),
        ("Line<br>break<br><br>paragraph", "Line\nbreak\n\nparagraph"),
        ("<ul><li>a<ul><li>b</ul><li><p>c</p><p>d</p></ul>", "- a\n  - b\n- c\n  d"),
        ("<ol start=3><li>x<li value=7>y<li>z</ol>", "3. x\n7. y\n8. z"),
        ("<ul><li><h3>Head</h3>text</ul>", "- Head\n  text"),
        ("<pre>a\n  b &lt;</pre>", "a\n  b <"),
        ("<table><tr><th>A<th>B<tr><td rowspan=2>x<td>1<tr><td>2</table>", "A | B\nx | 1\nx | 2"),
        ("<table><caption>Cap</caption><tr><td>1<td>2</table>", "Cap\n\n1 | 2"),
        ("<table><tr><td><p>Only</p><p>layout</p></table>", "Only\n\nlayout"),
        ("<table><tr><td>a<td><table><tr><td>b<td>c</table></table>", "a\n\nb | c"),
        ("E=mc<sup>2</sup>, 1<sup>st</sup>, cited<sup><a href=#n>[3]</a></sup>.", "E=mc^2, 1st, cited."),
        ("<dl><dt>Term<dd>Meaning</dl>", "Term\n\nMeaning"),
        ("<nav>Menu</nav><header>Top</header><p>Text<footer>Foot</footer><aside>Ad</aside>", "Text"),
        ("<script>x()</script><style>p{}</style><noscript>JS!</noscript><button>Ok</button>Text", "Text"),
        ("<p hidden>no</p><p style='display: none'>no</p><p aria-hidden=true>no</p>yes", "yes"),
        ("<select><option>1</select><textarea>t</textarea>x<!-- c -->y", "xy"),
        ("<custom-tag>kept</custom-tag>", "kept"),
    ],
)
def test_content_is_read_in_order(html, plain):
    assert read(f"<!doctype html><html><body>{html}").text == plain


def test_the_main_part_is_read_alone_when_the_page_names_it():
    page = "<html><body><div>Cookies? Log in.</div><main><h1>Leave</h1><p>You may take leave every year.</p></main></body></html>"
    assert read(page).text == "Leave\n\nYou may take leave every year."
    hollow = "<html><body><main>.</main><p>Everything that this page has to say stands outside of it.</p>"
    assert "Everything" in read(hollow).text


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Site</title><body><h2>Second</h2><h1>First</h1>", "First"),
        ("<title> The\n site </title><body><h2>Second</h2>", "The site"),
        ("<body><p>text", "Page"),
    ],
)
def test_the_first_heading_or_the_title_names_the_page(html, title):
    assert read(f"<html>{html}<p>text").title == title


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252", "iso-8859-15", "shift_jis", "koi8-r"])
def test_the_declared_encoding_is_obeyed(encoding):
    words = {"shift_jis": "日本語", "koi8-r": "Привет"}.get(encoding, "Größe café")
    page = f'<html><head><meta charset="{encoding}"></head><body>{words}</body></html>'
    assert read(page.encode(encoding)).text == words


def test_a_declared_encoding_that_is_none_is_passed_over():
    for name in ("unicode_escape", "zlib", "x-unknown", "idna"):
        page = f"<html><head><meta charset={name}></head><body>Gr\xf6\xdfe und \\ud800 viele Worte"
        assert "und" in read(page.encode("windows-1252")).text


def test_deep_but_closed_pages_are_read_and_open_ended_paragraphs_are_not_depth():
    assert read("<html><body>" + "<div>" * 300 + "deep" + "</div>" * 300).text == "deep"
    assert len(read("<html><body>" + "<p>again" * 3000).blocks) == 3000
