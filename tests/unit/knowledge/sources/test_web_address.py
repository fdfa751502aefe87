"""An address has one way to be written, is the source's or not, and gives a document its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.knowledge.sources.web_address import Scope, normal, path_of


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("https://H.Example", "https://h.example/"),
        ("https://h.example:443/a", "https://h.example/a"),
        ("http://h.example:443/a", "http://h.example:443/a"),
        ("https://h.example./a", "https://h.example/a"),
        ("a/../b/./c", "https://h.example/docs/b/c"),
        ("../../../../etc", "https://h.example/etc"),
        ("%2e%2e/%2E/x", "https://h.example/x"),
        ("..\\x", "https://h.example/x"),
        ("/a//b///c/", "https://h.example/a/b/c/"),
        ("/a/.", "https://h.example/a/"),
        ("/%7Eann/%c3%a9", "https://h.example/~ann/%C3%A9"),
        ("/é ü", "https://h.example/%C3%A9%20%C3%BC"),
        ("/100%", "https://h.example/100%25"),
        ("/a%2Fb", "https://h.example/a%2Fb"),
        ("#part", "https://h.example/docs/page"),
        ("?b=2&a=1#x", "https://h.example/docs/page?b=2&a=1"),
        ("?", "https://h.example/docs/page"),
        ("/x?utm_source=a&id=1&PHPSESSID=2&gclid=3", "https://h.example/x?id=1"),
        ("/x;jsessionid=12AB?y=1", "https://h.example/x?y=1"),
        ("/x;version=2", "https://h.example/x;version=2"),
        ("//other.example/x", "https://other.example/x"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
        (" \n/x\t", "https://h.example/x"),
        ("mailto:ann@h.example", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("ftp://h.example/", ""),
        ("http://[::1", ""),
        ("http://h.example:99999/", ""),
        (f"https://{'a' * 70}.example/", ""),
        ("/" + "a" * 3000, ""),
    ],
)
def test_one_way_to_write_it(link, found):
    assert normal(link, "https://h.example/docs/page") == found


@given(st.text(max_size=30))
def test_what_is_normal_stays_so_and_is_safe(link):
    url = normal(f"/{link}", "https://h.example/a/b")
    if url:
        assert normal(url) == url
        assert url.isascii()
        assert not {"", ".", ".."} & set(url.partition("?")[0].split("/")[3:-1])


@pytest.mark.parametrize(
    ("begin", "within", "path"),
    [
        ("https://h.example", "", "/"),
        ("https://h.example/docs", "", "/"),
        ("https://h.example/docs/", "", "/docs/"),
        ("https://h.example/docs/start.html", "", "/docs/"),
        ("https://h.example/docs/start.html", "/", "/"),
        ("https://h.example/", "docs", "/docs"),
    ],
)
def test_within(begin, within, path):
    scope = Scope.of(begin, within, (), query=True)
    assert (scope.within, scope.site) == (path, "https://h.example")


@pytest.mark.parametrize(
    ("link", "is_ours"),
    [
        ("/docs", True),
        ("/docs/a", True),
        ("http://h.example/docs/a", True),
        ("/docsother", False),
        ("/", False),
        ("https://h.example:8443/docs/a", False),
        ("https://www.h.example/docs/a", False),
        ("https://h.example.evil.example/docs/a", False),
        ("https://h.example@evil.example/docs/a", False),
        ("/docs/old/a", False),
        ("/docs/old/", False),
        ("/docs/a.print", False),
        ("/docs/a.print?x=1", False),
        ("/docs/show?view=print", False),
        ("/docs/show?view=all", True),
        ("/docs/a.PNG", False),
        ("/docs/../docs/a", True),
        ("/docs/" + "/".join("abcdefghijklmnopqrstuvwxyz"), False),
        ("/docs/a/b/a/b/a/b/a/b/a/b/", False),
    ],
)
def test_what_is_the_sources(link, is_ours):
    scope = Scope.of("https://h.example/docs/", "/docs", ("/docs/old", "*.print", "docs/show?view=print"), query=True)
    assert bool(scope.page(link, "https://h.example/docs/")) == is_ours


@pytest.mark.parametrize(
    ("url", "ending", "path"),
    [
        ("https://h/", ".html", "#.html"),
        ("https://h/docs/", ".html", "docs/#.html"),
        ("https://h/docs/a", ".html", "docs/a#.html"),
        ("https://h/docs/a.html", ".html", "docs/a.html"),
        ("https://h/docs/a.htm", ".html", "docs/a.htm"),
        ("https://h/a.html/", ".html", "a.html/#.html"),
        ("https://h/a.php?x=1", ".html", "a.php?x=1#.html"),
        ("https://h/a?x=b.html", ".html", "a?x=b.html"),
        ("https://h/plan.pdf", ".pdf", "plan.pdf"),
        ("https://h/.html", ".html", ".html#.html"),
    ],
)
def test_what_a_document_is_called(url, ending, path):
    assert path_of(url, ending, (".htm",) if ending == ".html" else ()) == path
