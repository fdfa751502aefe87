"""What a page says of itself."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import AverError, TooLarge
from aver.knowledge.sources.web_page import ending_of, endings_like, read_page

URL = "https://h.example/docs/page"


def page(body, ending=".html", **headers):
    said = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return read_page(URL, said, body if isinstance(body, bytes) else body.encode(), ending)


@pytest.mark.parametrize(
    ("kind", "url", "ending"),
    [
        ("text/html; charset=utf-8", URL, ".html"),
        ("TEXT/HTML", URL, ".html"),
        ("application/pdf", URL, ".pdf"),
        ("text/plain", "https://h.example/a.md", ".txt"),
        ("application/octet-stream", "https://h.example/a.DOCX", ".docx"),
        ("", "https://h.example/a.pdf?x=1", ".pdf"),
        ("", URL, None),
        ("application/octet-stream", "https://h.example/a.exe", None),
        ("image/png", "https://h.example/a.pdf", None),
        ("application/json", URL, None),
        ("text/css", URL, None),
    ],
)
def test_what_kind_of_document(kind, url, ending):
    found = ending_of({"content-type": kind}, url)
    assert (found[0] if found else None) == ending
    assert not found or found[0] in endings_like(found[0])


def test_a_revision_is_of_what_is_read():
    plain = page("<html><h1>Leave</h1><p>Ten days.</p></html>").revision
    noise = "<html><head><meta name=t content=1><style>p{}</style></head><body class=x><nav>Menu 12:01</nav>"
    assert (
        page(f"{noise}<h1 id=a>Leave</h1><!-- 7 --><p data-t=1>Ten  days.</p><script>1</script></html>").revision
        == plain
    )
    for other in ("<h1>Leave</h1><p>Ten hours.</p>", "<h2>Leave</h2><p>Ten days.</p>", "<h1>Leave</h1><li>Ten days."):
        assert page(f"<html>{other}</html>").revision != plain
    assert page(b"%PDF-1", ".pdf").revision != page(b"%PDF-2", ".pdf").revision


def test_a_wording_leaves_out_how_the_page_is_called():
    there = read_page(URL, {}, b"<html><p>/docs/page: no such page</html>", ".html")
    other = read_page("https://h.example/docs/other", {}, b"<html><p>/docs/other: no such page</html>", ".html")
    assert other.wording != there.wording  # "page" is also a word of the text
    there = read_page("https://h.example/docs/leave", {}, b"<html><p>/docs/leave: no such page</html>", ".html")
    assert other.wording == there.wording
    assert other.revision != there.revision


def test_links_are_addresses_each_once():
    body = '<a href="a">1</a><a href="a#x">2</a><a href="/b?c=1">3</a><a href="mailto:x@y">4</a><a>5</a><a href="http://[">6</a>'
    assert page(f"<html>{body}</html>").links == ("https://h.example/docs/a", "https://h.example/b?c=1")
    many = "".join(f'<a href="{number}">x</a>' for number in range(9000))
    assert len(page(f"<html>{many}</html>").links) == 5000


@pytest.mark.parametrize(
    ("said", "indexed"),
    [("noindex", False), ("NONE", False), ("nofollow", True), ("noarchive, NoIndex", False), ("index, follow", True)],
)
def test_whether_it_may_be_indexed(said, indexed):
    body = '<html><a href="a">x</a></html>'
    assert page(f'<meta name="robots" content="{said}">{body}').indexed == indexed
    assert page(f'<meta name="googlebot" content="{said}">{body}').indexed
    assert page(body, X_Robots_Tag=said).indexed == indexed
    assert page(body, X_Robots_Tag=f"aver: {said}").indexed == indexed
    assert page(body, X_Robots_Tag=f"otherbot: {said}").indexed
    assert page(b"%PDF", ".pdf", X_Robots_Tag=said).indexed == indexed
    followed = said.lower() not in ("none", "nofollow")
    assert bool(page(f'<meta name="robots" content="{said}">{body}').links) == followed


def test_a_proper_address():
    assert page('<html><link rel="canonical" href="/x"></html>').canonical == "https://h.example/x"
    assert page("<html><p>x</p></html>").canonical == ""
    link = '</y>; rel="preload", <https://h.example/x.pdf>; title="a, b"; rel="canonical"'
    assert page(b"%PDF", ".pdf", Link=link).canonical == "https://h.example/x.pdf"


def test_the_encoding_that_the_server_says():
    body = "<html><p>Отпуск</p></html>".encode("windows-1251")
    assert "Отпуск" in page(body, Content_Type="text/html; charset=windows-1251").content.decode()
    assert page(body, Content_Type='text/html; charset="no-such"').content != b""
    meta = "<html><meta charset=koi8-r><p>Отпуск</p></html>".encode("koi8-r")
    assert page(meta, Content_Type="text/html; charset=windows-1251").content == meta
    utf = "<html><p>Отпуск</p></html>".encode()
    assert page(utf, Content_Type="text/html; charset=iso-8859-1").content == utf


def test_a_page_without_bottom():
    with pytest.raises(TooLarge):
        page("<html>" + "<div>" * 100_000)


@given(st.binary(max_size=300), st.text(max_size=60))
def test_nothing_is_too_odd(body, said):
    with suppress(AverError):
        page(b"<html>" + body, X_Robots_Tag=said, Link=said, Content_Type=f"text/html; charset={said}")
