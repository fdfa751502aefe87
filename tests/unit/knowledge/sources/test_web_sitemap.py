"""Sitemaps of every format, and what pretends to be one."""

from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import AverError, InvalidInput, TooLarge
from aver.knowledge.sources.web_sitemap import Entry, entries

SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def read(body):
    return list(entries(body if isinstance(body, bytes) else body.encode(), "https://h.example/sitemap.xml"))


def test_pages_with_dates_and_what_others_add():
    text = f"""<?xml version="1.0" encoding="UTF-8"?><!-- made by hand -->
<urlset xmlns="{SPACE}" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
 <url><loc> https://h.example/a?x=1&amp;y=2 </loc><lastmod>2026-01-02</lastmod><priority>0.5</priority>
  <image:image><image:loc>https://h.example/picture.png</image:loc></image:image></url>
 <url><loc><![CDATA[https://h.example/b]]></loc></url>
 <url><lastmod>2026-01-02</lastmod></url>
</urlset>"""
    assert read(text) == [Entry("https://h.example/a?x=1&y=2", "2026-01-02"), Entry("https://h.example/b")]
    assert read(gzip.compress(text.encode())) == read(text)


def test_without_a_namespace_and_with_a_prefix():
    assert read("<urlset><url><loc>https://h.example/a</loc></url></urlset>") == [Entry("https://h.example/a")]
    text = f'<s:urlset xmlns:s="{SPACE}"><s:url><s:loc>https://h.example/a</s:loc></s:url></s:urlset>'
    assert read(text) == [Entry("https://h.example/a")]


def test_an_index():
    text = f'<sitemapindex xmlns="{SPACE}"><sitemap><loc>https://h.example/1.xml</loc></sitemap></sitemapindex>'
    assert read(text) == [Entry("https://h.example/1.xml", index=True)]


def test_lines():
    assert read("\ufeffhttps://h.example/a\r\n\r\nhttps://h.example/b\n") == [
        Entry("https://h.example/a"),
        Entry("https://h.example/b"),
    ]
    assert read(b"") == []


@pytest.mark.parametrize("body", ["<html><p>No.</p></html>", "not found", "<rss></rss>", b"\x00\xff", '{"a": 1}'])
def test_something_else(body):
    with pytest.raises(InvalidInput, match="is no sitemap"):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        "<urlset><url><loc>https://h.example/a</loc></url>",
        "<urlset><url></urlset>",
        "<urlset>" + "<a>" * 1000,
        '<!DOCTYPE x [<!ENTITY y "z">]><urlset><url><loc>https://h.example/&y;</loc></url></urlset>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><urlset/>',
        gzip.compress(b"<urlset></urlset>", mtime=0)[:-9],
        b"\x1f\x8bgarbage",
    ],
)
def test_damage_and_bombs(body):
    with pytest.raises(InvalidInput):
        read(body)


def test_the_limits_of_the_protocol():
    rows = "<url><loc>https://h.example/a</loc></url>"
    assert len(read(f"<urlset>{rows * 50_000}</urlset>")) == 50_000
    with pytest.raises(TooLarge):
        read(f"<urlset>{rows * 50_001}</urlset>")
    with pytest.raises(TooLarge):
        read(gzip.compress(b" " * (50 * 2**20 + 1), 1))


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd(body):
    for start in (b"", b"<urlset>", b"\x1f\x8b\x08\x00"):
        with suppress(AverError):
            read(start + body)
