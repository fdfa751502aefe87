"""A web site as a source, over real HTTP: what is asked for, what becomes a document, and what a site that does wrong brings about."""

from __future__ import annotations

import gzip
from urllib.parse import urlsplit

import pytest

from aver.core.errors import AverError, InvalidInput, NotFound, SettingsError, SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.sources import Sources, parse_sources
from aver.knowledge.sources.types import Reach
from aver.knowledge.sources.web import Options, WebSource
from aver.testing import FixedClock
from aver.testing.fakes.sources.serving import Answer, FakeService
from aver.testing.fakes.sources.web import Served, Site
from tests.knowledge import open_world

HTML = {"Content-Type": "text/html"}


@pytest.fixture
def site():
    with Site() as served:
        served.page("/", "<p>Welcome to the handbook.</p>", links=["/leave", "/pay"])
        served.page("/leave", "<p>Thirty days of leave.</p>", links=["/"])
        served.page("/pay", "<p>On the 25th.</p>")
        yield served


@pytest.fixture
def crawling(site, tmp_path):
    return Crawling(site, tmp_path / "source")


class Crawling:
    def __init__(self, site, folder):
        self.site, self.folder, self.waits, self.secrets = site, folder, [], {}
        self.clock = FixedClock()

    def open(self, max_bytes=2**20, **options):
        def wait(seconds):
            self.waits.append(seconds)
            self.clock.advance(seconds)

        given = {"url": self.site.url, "delay": 0.0, **options}
        reach = Reach(lambda reference: self.secrets[reference], self.clock, self.folder, max_bytes)
        return WebSource("site", Options(**given), reach, wait)

    def items(self, **options):
        """The listing, by path of the address; and nothing of what was asked before is remembered."""
        self.site.asked.clear()
        self.site.whole.clear()
        self.source = self.open(**options)
        found = listed(self.source, "")
        assert found.whole
        assert not found.cursor
        return {item.uri.removeprefix(self.site.url): item for item in found.items}

    def content(self, place):
        item = self.items()[place]
        return self.source.fetch(item)

    def asked(self):
        """What was asked for of pages, in order."""
        return [each.raw_path for each in self.site.asked if each.raw_path not in ("/robots.txt", "/sitemap.xml")][1:]

    def failing(self, items):
        found = {}
        for place, item in items.items():
            try:
                self.source.fetch(item)
            except AverError as error:
                found[place] = error
        return found


# What is found, and how often it is asked for.


def test_pages_are_found_by_their_links_once_each(site, crawling):
    items = crawling.items()
    assert list(items) == ["/", "/leave", "/pay"]
    assert [item.path for item in items.values()] == ["#.html", "leave#.html", "pay#.html"]
    assert sorted(crawling.asked()) == ["/", "/leave", "/pay"]
    assert b"Thirty days" in crawling.source.fetch(items["/leave"])
    assert all(item.readers is None for item in items.values())


def test_a_site_that_did_not_change_sends_nothing(site, crawling):
    before = crawling.items()
    after = crawling.items()
    assert after == before
    assert sorted(crawling.asked()) == ["/", "/leave", "/pay"]
    assert [path for path in site.whole if path in site.pages] == []
    site.page("/pay", "<p>On the 26th.</p>")
    assert crawling.items()["/pay"].revision != before["/pay"].revision
    assert [path for path in site.whole if path in site.pages] == ["/pay"]
    assert b"26th" in crawling.content("/pay")


def test_the_date_of_a_page_is_asked_with_too(site, crawling):
    day = "Wed, 01 Apr 2026 10:00:00 GMT"
    site.put("/pay", b"<html><p>Dated</p></html>", Last_Modified=day)
    crawling.items()
    crawling.items()
    (asked,) = [each for each in site.asked if each.path == "/pay"]
    assert asked.headers["if-modified-since"] == day


def test_a_token_in_each_answer_is_no_change(site, crawling):
    def leave(token):
        body = f"<!doctype html><title>Leave</title><meta name=csrf content={token}><script>x={token}</script><p>Ten days.</p>"
        site.pages["/leave"] = Served(body.encode(), tagged=False)

    leave("abc")
    before = crawling.items()["/leave"]
    leave("def")
    assert crawling.items()["/leave"].revision == before.revision
    site.pages["/leave"] = Served(b"<!doctype html><title>Leave</title><h2>Ten days.</h2>", tagged=False)
    assert crawling.items()["/leave"].revision != before.revision


def test_links_of_pages_that_did_not_change_are_remembered(site, crawling):
    site.page("/leave", "<p>Thirty days.</p>", links=["/deep"])
    site.page("/deep", "<p>Deep.</p>")
    crawling.items()
    site.page("/deep", "<p>Deeper.</p>")
    assert "/deep" in crawling.items()
    assert [path for path in site.whole if path in site.pages] == ["/deep"]


def test_memory_that_is_damaged_costs_one_listing(site, crawling):
    before = crawling.items()
    (crawling.folder / "pages.db").write_bytes(b"garbage" * 1000)
    for name in ("pages.db-wal", "pages.db-shm"):
        (crawling.folder / name).unlink(missing_ok=True)
    assert crawling.items() == before
    assert crawling.items() == before
    assert not [path for path in site.whole if path in site.pages]


def test_what_is_fetched_is_what_was_listed(site, crawling):
    items = crawling.items()
    site.page("/leave", "<p>Something else.</p>")
    assert b"Thirty days" in crawling.source.fetch(items["/leave"])
    with pytest.raises(Unavailable, match="has changed since"):
        crawling.source.fetch(items["/leave"])  # it was kept for once
    assert b"25th" in crawling.source.fetch(items["/pay"])
    assert b"25th" in crawling.source.fetch(items["/pay"])  # the site still has it
    with pytest.raises(NotFound):
        crawling.open().fetch(items["/pay"])


def test_what_was_not_fetched_before_is_had_again(site, crawling):
    crawling.items()
    items = crawling.items()
    assert b"Thirty days" in crawling.source.fetch(items["/leave"])


def test_one_address_has_one_way_to_write_it(site, crawling):
    links = [
        "/leave#part",
        "leave",
        "./x/../leave",
        "/%6Ceave",
        "//{host}/leave?utm_source=a",
        "/leave;jsessionid=1",
        "\n/leave ",
    ]
    host = site.url.removeprefix("http://")
    site.page("/", "<p>Links.</p>", links=[link.format(host=host) for link in links])
    crawling.items()
    assert crawling.asked() == ["/", "/leave"]


def test_queries_are_pages_or_dropped(site, crawling):
    site.page("/", "<p>Links.</p>", links=["/show?id=1", "/show?id=2"])
    for number in (1, 2):
        site.page(f"/show?id={number}", f"<p>Page {number}.</p>")
    site.page("/show", "<p>All.</p>")
    assert [item.path for item in crawling.items().values()] == ["#.html", "show?id=1#.html", "show?id=2#.html"]
    assert list(crawling.items(query="drop")) == ["/", "/show"]


def test_only_what_is_within_is_read(site, crawling):
    site.page("/docs/", "<p>Docs.</p>", links=["/docs/a", "/docsother", "/leave", "/docs/old/b", "/docs/c.print"])
    for path in ("/docs/a", "/docs/old/b", "/docs/c.print", "/docsother"):
        site.page(path, f"<p>{path}</p>")
    begin = f"{site.url}/docs/"
    assert list(crawling.items(url=begin, exclude=("docs/old", "*.print"))) == ["/docs/", "/docs/a"]
    assert set(crawling.asked()) == {"/docs/", "/docs/a"}
    assert "/leave" in crawling.items(url=begin, within="/")


def test_other_documents_are_documents_and_what_is_none_is_not_fetched(site, crawling):
    site.page(
        "/", "<p>Files.</p>", links=["/plan.pdf", "/file?id=7", "/film", "/notes.md", "/pic.png", "/x.zip", "/bin"]
    )
    site.put("/plan.pdf", b"%PDF-1.7 plan", "application/pdf")
    site.put("/file?id=7", b"PK word", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    site.put("/film", b"film" * 10**6, "video/mp4")
    site.put("/notes.md", b"# Notes", "application/octet-stream")
    site.put("/bin", b"\x00", "application/octet-stream")
    items = crawling.items()
    assert [item.path for item in items.values()] == ["#.html", "file?id=7#.docx", "notes.md", "plan.pdf"]
    assert crawling.source.fetch(items["/plan.pdf"]) == b"%PDF-1.7 plan"
    assert not {"/pic.png", "/x.zip"} & set(crawling.asked())
    crawling.items()
    assert "/film" not in site.whole  # that it is none is remembered as well


def test_text_in_another_encoding_is_understood(site, crawling):
    site.put("/leave", "<html><p>Отпуск</p></html>".encode("koi8-r"), "text/html; charset=koi8-r")
    assert "Отпуск" in crawling.content("/leave").decode()


def test_what_asks_not_to_be_indexed_is_not_but_its_links_are_followed(site, crawling):
    site.page("/", "<p>Links.</p>", links=["/meta", "/ours", "/theirs", "/header", "/none"])
    site.page("/meta", "<p>1</p>", links=["/leave"], head="<META NAME=Robots CONTENT='NoIndex'>")
    site.page("/ours", "<p>2</p>", X_Robots_Tag="googlebot: none, aver: noindex")
    site.page("/theirs", "<p>3</p>", X_Robots_Tag="googlebot: noindex, nofollow")
    site.page("/header", "<p>4</p>", X_Robots_Tag="max-snippet: 5, noindex")
    site.page("/none", "<p>5</p>", links=["/pay"], head='<meta name="aver" content="none">')
    assert list(crawling.items()) == ["/", "/leave", "/theirs"]
    assert list(crawling.items()) == ["/", "/leave", "/theirs"]


def test_links_that_are_not_vouched_for_are_not_followed(site, crawling):
    site.page("/", '<a href="/leave" rel="noopener NOFOLLOW">x</a><a href="/pay" rel=noopener>y</a>')
    assert list(crawling.items()) == ["/", "/pay"]


def test_a_base_and_frames_and_an_area_are_understood(site, crawling):
    body = '<area href="leave"><a href="../pay">x</a>'
    head = '<base href="/sub/"><link rel="next" href="/next"><META HTTP-EQUIV=Refresh content="0; URL=on">'
    site.page("/", body, head=head)
    for path in ("/sub/leave", "/sub/on", "/next"):
        site.page(path, f"<p>{path}</p>")
    assert list(crawling.items()) == ["/", "/next", "/pay", "/sub/leave", "/sub/on"]


def test_copies_of_a_page_are_the_page(site, crawling):
    def page(path, canonical):
        site.page(path, f"<p>{path}</p>", head=f'<link rel="canonical" href="{canonical}">')

    site.page("/", "<p>Links.</p>", links=["/copy", "/print", "/left", "/right", "/alien", "/broken"])
    page("/copy", "/leave")
    page("/print", "/copy")  # a copy of a copy
    page("/left", "/right")
    page("/right", "/left")  # in a circle
    page("/alien", "https://else.example/x")
    page("/broken", "/nowhere")
    assert list(crawling.items()) == ["/", "/alien", "/broken", "/leave", "/left"]


def test_redirects_within_the_site_lead_to_the_page_and_others_nowhere(site, crawling):
    site.page("/", "<p>Links.</p>", links=["/old", "/out", "/loop", "/private"])
    site.redirect("/old", "/leave", 301)
    site.redirect("/out", "https://else.example/")
    site.redirect("/loop", "/loop2")
    site.redirect("/loop2", "/loop")
    site.redirect("/private", "http://169.254.169.254/")
    assert list(crawling.items()) == ["/", "/leave"]
    assert len(crawling.asked()) == 7


def test_the_first_page_may_lead_on_within_the_site_and_not_away(site, crawling):
    site.redirect("/", "/leave")
    assert "/leave" in crawling.items()
    site.redirect("/", "https://login.example/?next=/")
    with pytest.raises(Unavailable, match="leads elsewhere"):
        crawling.items()


# robots.txt and sitemaps.


def test_robots_are_obeyed(site, crawling):
    site.robots = "User-agent: Aver\nDisallow: /leave\nCrawl-delay: 2\n\nUser-agent: *\nDisallow: /\n"
    assert list(crawling.items()) == ["/", "/pay"]
    assert "/leave" not in crawling.asked()
    assert crawling.waits == [2.0, 2.0]
    assert all(each.headers["user-agent"] == "Aver" for each in site.asked)
    assert site.count("/robots.txt") == 1


def test_a_site_that_asks_for_hours_between_requests_waits_for_seconds(site, crawling):
    site.robots = "User-agent: *\nCrawl-delay: 86400\n"
    crawling.items()
    assert set(crawling.waits) == {30.0}


def test_what_may_not_be_asked_at_all_is_an_error(site, crawling):
    site.robots = "User-agent: *\nDisallow: /"
    with pytest.raises(SourceDenied, match=r"robots\.txt does not allow"):
        crawling.items()


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_robots_that_are_not_there_allow(site, crawling, status):
    site.meddle = lambda asked: Answer("Disallow: /", status) if asked.path == "/robots.txt" else None
    assert len(crawling.items()) == 3


@pytest.mark.parametrize("status", [500, 503, 429])
def test_robots_that_cannot_be_had_forbid_everything(site, crawling, status):
    site.meddle = lambda asked: Answer(status=status) if asked.path == "/robots.txt" else None
    with pytest.raises(Unavailable, match=r"robots\.txt cannot be had"):
        crawling.items()
    assert not site.count("/leave")


def test_a_sitemap_says_what_there_is(site, crawling):
    site.page("/hidden", "<p>Nobody links here.</p>", links=["/unlisted"])
    site.page("/unlisted", "<p>No.</p>")
    site.list_pages("/leave", "/hidden")
    assert list(crawling.items()) == ["/hidden", "/leave"]
    assert list(crawling.items(follow=True)) == ["/", "/hidden", "/leave", "/pay", "/unlisted"]
    site.list_pages("/leave")
    assert list(crawling.items()) == ["/leave"]


def test_sitemaps_of_sitemaps_packed_and_as_lines(site, crawling):
    def of(kind, *places):
        rows = "".join(f"<{kind}><loc> {place} </loc></{kind}>" for place in places)
        around = "sitemapindex" if kind == "sitemap" else "urlset"
        return f'<{around} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</{around}>'.encode()

    site.robots = f"Sitemap: {site.url}/all.xml\nSitemap: https://else.example/s.xml\n"
    other = "https://else.example/list.xml"
    site.put("/all.xml", of("sitemap", f"{site.url}/a.xml.gz", f"{site.url}/b.txt", f"{site.url}/all.xml", other))
    site.put("/a.xml.gz", gzip.compress(of("url", f"{site.url}/leave", "https://else.example/x")), "application/gzip")
    site.put("/b.txt", f"{site.url}/pay\n\n".encode(), "text/plain")
    assert list(crawling.items()) == ["/leave", "/pay"]


def test_a_sitemap_that_is_declared_has_to_be_there_and_whole(site, crawling):
    declared = f"{site.url}/list.xml"
    with pytest.raises(NotFound):
        crawling.items(sitemap=declared)
    site.put("/list.xml", b"<urlset><url><loc>x", "text/xml")
    with pytest.raises(InvalidInput, match="cannot be read"):
        crawling.items(sitemap=declared)
    site.put("/list.xml", b"<urlset></urlset>", "text/xml")
    with pytest.raises(InvalidInput, match="names no page"):
        crawling.items(sitemap=declared)
    site.put("/list.xml", b"<html>Not found</html>")
    with pytest.raises(InvalidInput, match="no sitemap"):
        crawling.items(sitemap=declared)
    with pytest.raises(InvalidInput, match="another site"):
        crawling.items(sitemap="https://else.example/x.xml")
    site.meddle = lambda asked: Answer(status=500) if asked.path == "/list.xml" else None
    with pytest.raises(Unavailable):
        crawling.items(sitemap=declared)


def test_a_page_in_the_place_of_a_sitemap_is_none(site, crawling):
    site.sitemap = b"<!doctype html><html><p>Not found, but fine.</p></html>"
    assert len(crawling.items()) == 3


BOMB = (
    b'<!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    b"<urlset><url><loc>http://127.0.0.1/&b;</loc></url></urlset>"
)


@pytest.mark.parametrize(
    "body",
    [BOMB, gzip.compress(b" " * 60 * 2**20, 1), gzip.compress(b"<urlset/>")[:-6]],
    ids=["entities", "inflating", "broken off"],
)
def test_a_sitemap_that_is_a_bomb_is_refused(site, crawling, body):
    site.sitemap = body
    with pytest.raises(InvalidInput, match="sitemap"):
        crawling.items()


def test_sitemaps_that_refer_to_one_another_without_end_are_left(site, crawling):
    def endless(asked):
        if not asked.path.startswith("/map"):
            return None
        rows = "".join(f"<sitemap><loc>{site.url}{asked.path}{number}</loc></sitemap>" for number in (1, 2))
        return Answer(f"<sitemapindex>{rows}</sitemapindex>")

    site.meddle = endless
    with pytest.raises(TooLarge, match="without end"):
        crawling.items(sitemap=f"{site.url}/map")
    assert site.count("/") < 20


def test_dates_of_a_sitemap_are_trusted_where_that_is_declared(site, crawling):
    dates = {"/leave": "2026-01-01", "/pay": "2026-01-01"}
    site.list_pages(*dates, dates=dates)
    before = crawling.items(trust_dates=True)
    assert crawling.items(trust_dates=True) == before
    assert crawling.asked() == []
    site.page("/pay", "<p>On the 26th.</p>")
    site.list_pages(*dates, dates={**dates, "/pay": "2026-01-02"})
    assert crawling.items(trust_dates=True)["/pay"].revision != before["/pay"].revision
    assert crawling.asked() == ["/pay"]
    crawling.items()
    assert sorted(crawling.asked()) == ["/leave", "/pay"]


# What fails, lies, or has no end.


def answering(site, status, *paths, **headers):
    site.meddle = lambda asked: Answer("Sorry", status, headers) if asked.path in paths else None


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_gone(site, crawling, status):
    crawling.items()
    answering(site, status, "/leave")
    assert list(crawling.items()) == ["/", "/pay"]


def test_a_page_that_fails_is_no_page_that_is_gone(site, crawling):
    site.page("/leave", "<p>Thirty days.</p>", links=["/deep"])
    site.page("/deep", "<p>Deep.</p>")
    before = crawling.items()
    answering(site, 500, "/leave")
    for _ in range(5):
        items = crawling.items()
        assert items.keys() == before.keys()
        assert items["/leave"].path == before["/leave"].path
        assert items["/leave"].revision == ""
        (failed,) = crawling.failing(items).items()
        assert failed[0] == "/leave"
        assert isinstance(failed[1], Unavailable)
    site.meddle = lambda _: None
    assert crawling.items() == before


def test_a_page_that_breaks_off_is_no_page_that_is_gone(site, crawling):
    before = crawling.items()
    content = site.pages["/leave"].body
    site.meddle = lambda asked: Answer(content.decode(), headers=HTML, cut=True) if asked.path == "/leave" else None
    assert list(crawling.failing(crawling.items())) == ["/leave"]
    assert crawling.items().keys() == before.keys()


def test_an_address_that_never_was_a_page_is_given_up(site, crawling):
    site.page("/", "<p>Links.</p>", links=["/broken"])
    answering(site, 500, "/broken")
    found = [crawling.failing(crawling.items())["/broken"] for _ in range(3)]
    assert [isinstance(error, InvalidInput) for error in found] == [False, False, True]


def test_the_first_page_has_to_be_there(site, crawling):
    crawling.items()
    for status, error in ((404, NotFound), (500, Unavailable), (403, SourceDenied), (401, SourceDenied)):
        answering(site, status, "/")
        with pytest.raises(error):
            crawling.items()
    site.meddle = lambda _: None
    site.put("/", b"{}", "application/json")
    with pytest.raises(InvalidInput, match="is no page"):
        crawling.items()


def test_a_site_that_goes_down_meanwhile_is_an_error_soon(site, crawling):
    site.page("/", "<p>Many.</p>", links=[f"/{number}" for number in range(100)])
    for number in range(100):
        site.page(f"/{number}", f"<p>Number {number}.</p>")
    before = crawling.items()
    site.meddle = lambda asked: Answer(status=502) if len(site.whole) + len(site.asked) > 50 else None
    with pytest.raises(Unavailable, match="failed in a row"):
        crawling.items()
    assert len(site.asked) < 100
    site.meddle = lambda _: None
    assert crawling.items() == before
    assert not [path for path in site.whole if path in site.pages]  # and all is still known


def test_a_site_that_asks_to_be_left_alone_is(site, crawling):
    crawling.items()
    answering(site, 429, "/leave", **{"Retry-After": "7200"})
    with pytest.raises(Unavailable) as raised:
        crawling.items()
    assert raised.value.retry_after == 7200


def test_a_page_that_asks_for_a_moment_for_ever_costs_itself_alone(site, crawling):
    crawling.items()
    answering(site, 503, "/leave", **{"Retry-After": "5"})
    assert list(crawling.failing(crawling.items())) == ["/leave"]


def test_a_page_with_a_shorter_way_to_it_is_not_too_far_away(site, crawling):
    site.page("/", "<p>Links.</p>", links=["/leave", "/new"])
    site.page("/leave", "<p>Thirty days.</p>", links=["/deep"])
    site.page("/deep", "<p>Deep.</p>", links=["/far"])
    site.page("/far", "<p>Far.</p>")
    site.page("/new", "<p>New.</p>")
    assert crawling.items(depth=2)["/far"].revision == ""
    site.page("/new", "<p>New.</p>", links=["/far"])
    assert crawling.items(depth=2)["/far"].revision


def test_throttling_is_waited_for(site, crawling):
    site.throttle(2, 3)
    assert len(crawling.items()) == 3
    assert crawling.waits == [3.0, 3.0]


def test_what_may_not_be_read_any_more_is_gone(site, crawling):
    crawling.items()
    answering(site, 403, "/pay")
    assert list(crawling.items()) == ["/", "/leave"]


def test_a_site_that_keeps_crawlers_out_loses_nothing(site, crawling):
    site.list_pages("/leave", "/pay", "/")
    before = crawling.items()
    answering(site, 403, "/pay", "/leave")
    with pytest.raises(Unavailable, match="out of sight"):
        crawling.items()
    site.meddle = lambda _: None
    assert crawling.items() == before


@pytest.mark.parametrize("echoed", ["", "<p>There is no {path} here.</p>"])
def test_pages_that_are_not_there_with_status_200_are_none(site, crawling, echoed):
    def missing(asked):
        if asked.path in site.pages or asked.path in ("/robots.txt", "/sitemap.xml"):
            return None
        body = f"<!doctype html><html><h1>Not found</h1>{echoed.format(path=asked.path)}</html>"
        return Answer(body, headers=HTML)

    site.page("/", "<p>Links.</p>", links=["/leave", "/nowhere", "/pay"])
    site.meddle = missing
    assert list(crawling.items()) == ["/", "/leave", "/pay"]
    site.remove("/pay")
    assert list(crawling.items()) == ["/", "/leave"]


def in_repair(asked):
    if asked.path in ("/robots.txt", "/sitemap.xml"):
        return None
    return Answer("<html><h1>Back soon</h1></html>", headers=HTML)


@pytest.mark.parametrize("mapped", [True, False])
def test_a_site_in_repair_loses_nothing(site, crawling, mapped):
    if mapped:
        site.list_pages("/leave", "/pay", "/")
    before = crawling.items()
    site.meddle = in_repair
    for _ in range(2):
        with pytest.raises(Unavailable):
            crawling.items()
    site.meddle = lambda _: None
    assert crawling.items() == before


@pytest.mark.parametrize("mapped", [True, False])
def test_a_site_that_asks_to_log_in_loses_nothing(site, crawling, mapped):
    if mapped:
        site.list_pages("/leave", "/pay", "/")
    before = crawling.items()

    def ask(asked):
        if asked.path in ("/robots.txt", "/sitemap.xml"):
            return None
        if asked.path == "/login":
            return Answer("<html><p>Who are you?</p></html>", headers=HTML)
        return Answer(status=302, headers={"Location": f"/login?next={asked.path}"})

    site.meddle = ask
    with pytest.raises(Unavailable):
        crawling.items()
    site.meddle = lambda _: None
    assert crawling.items() == before


def test_a_site_that_leads_home_from_what_it_does_not_have_can_be_read(site, crawling):
    known = set(site.pages) | {"/robots.txt", "/sitemap.xml"}
    site.meddle = lambda asked: None if asked.path in known else Answer(status=302, headers={"Location": "/"})
    before = crawling.items()
    assert list(before) == ["/", "/leave", "/pay"]
    site.page("/", "<p>Welcome again.</p>", links=["/leave", "/pay"])
    assert list(crawling.items()) == ["/", "/leave", "/pay"]


class Endless(FakeService):
    """A calendar: each page leads to two more, without end."""

    def answer(self, asked):
        if asked.path == "/robots.txt":
            return Answer(status=404)
        if not asked.path.startswith("/day"):
            return Answer(self.front, headers=HTML) if asked.path == "/" else Answer(status=404)
        number = int(asked.path.removeprefix("/day"))
        links = "".join(f'<a href="/day{each}">x</a>' for each in (2 * number, 2 * number + 1))
        return Answer(f"<html><p>Day {number}.</p>{links}</html>", headers=HTML)

    front = '<html><p>Front</p><a href="/day1">x</a></html>'


def test_a_site_without_end_is_read_as_far_as_is_declared(tmp_path):
    with Endless() as site:
        crawling = Crawling(site, tmp_path)
        site.whole = []
        before = crawling.items(most=50)
        refused = crawling.failing(before)
        assert len(before) - len(refused) == 50
        assert 0 < len(refused) <= 100
        assert all(isinstance(error, TooLarge) for error in refused.values())
        assert len(crawling.asked()) == 50
        after = crawling.items(most=50)
        assert {path for path, item in after.items() if item.revision} == set(before) - set(refused)


def test_what_is_known_stays_where_a_bound_is_reached(tmp_path):
    with Endless() as site:
        crawling = Crawling(site, tmp_path)
        site.whole = []
        before = {path for path, item in crawling.items(most=20).items() if item.revision}
        site.front = site.front.replace("/day1", "/day1000").replace("</a>", '</a><a href="/day1">x</a>', 1)
        after = {path for path, item in crawling.items(most=20).items() if item.revision}
        assert after == before


def test_what_is_too_far_away_is_reported(tmp_path):
    with Endless() as site:
        crawling = Crawling(site, tmp_path)
        site.whole = []
        items = crawling.items(depth=3)
        near = {path for path, item in items.items() if item.revision}
        assert near == {"/", *(f"/day{number}" for number in range(1, 8))}
        assert all("links away" in str(error) for error in crawling.failing(items).values())


def test_addresses_that_grow_into_themselves_are_not_followed(site, crawling):
    def deeper(asked):
        if not asked.path.startswith("/leave"):
            return None
        return Answer(
            f'<html><p>At {asked.path}.</p><a href="{asked.path}/leave">x</a></html>',
            headers=HTML,
        )

    site.meddle = deeper
    assert len(crawling.items()) < 10


def test_a_page_that_is_too_large_is_refused_alone(site, crawling):
    site.put("/leave", b"<html>" + b"x" * 100_000)
    items = crawling.items(max_bytes=50_000)
    ((path, error),) = crawling.failing(items).items()
    assert (path, type(error)) == ("/leave", TooLarge)
    assert len(items) == 3


@pytest.mark.parametrize(
    "body",
    [b"\x00\x01\x02" * 1000, b"<html>" + b"<div>" * 100_000, b"", b"<a href='http://[::1'>x</a><a href=':::'>y</a>"],
    ids=["binary", "deep", "empty", "broken links"],
)
def test_a_page_that_is_nonsense_costs_itself_alone(site, crawling, body):
    site.put("/leave", body)
    items = crawling.items()
    assert set(crawling.failing(items)) <= {"/leave"}
    assert b"25th" in crawling.source.fetch(items["/pay"])


def test_an_answer_without_change_to_what_was_never_asked_is_a_failure(site, crawling):
    site.meddle = lambda asked: Answer(status=304) if asked.path == "/leave" else None
    assert list(crawling.failing(crawling.items())) == ["/leave"]


# Credentials, declarations, and the whole way.


def test_credentials_are_sent_to_the_site_alone_and_read_anew(site, crawling):
    site.proofs = {"Bearer one"}
    crawling.secrets["env:TOKEN"] = "Bearer one"
    options = {"headers": {"authorization": "env:TOKEN"}}
    assert len(crawling.items(**options)) == 3

    def renewed(asked):
        if asked.path == "/leave" and "Bearer two" not in site.proofs:
            site.proofs = {"Bearer two"}
            crawling.secrets["env:TOKEN"] = "Bearer two"
            return Answer(status=401)
        return None

    site.meddle = renewed
    assert len(crawling.items(**options)) == 3
    crawling.secrets["env:TOKEN"] = "Bearer three"
    with pytest.raises(SourceDenied) as raised:
        crawling.items(**options)
    assert "three" not in str(raised.value)


def test_a_declaration(site):
    text = f"""
sources:
  site:
    kind: web
    url: {site.url}
    sitemap: {site.url}/map.xml
    follow: false
    within: /docs
    exclude: ["*.print", "docs/old/**"]
    query: drop
    most: 100
    depth: 3
    delay: 2s
    trust_dates: true
    headers: {{authorization: env:TOKEN}}
"""
    (declared,) = parse_sources(text, "s.yaml")
    assert declared.values["delay"] == "2s"
    for url, more, says in (
        ("ftp://x", "", "no address"),
        ("x", "", "no address"),
        ("http://h", "query: some", "no way"),
    ):
        with pytest.raises(SettingsError, match=says):
            parse_sources(f"sources:\n  site:\n    kind: web\n    url: {url}\n    {more}", "s.yaml")


def test_a_site_is_ingested_followed_and_keeps_its_documents_through_failures(site, tmp_path):
    world = open_world(tmp_path / "data")
    following = Sources(world.store, world.ledger, world.knowledge, world.clock, lambda _: "", 2**20)
    following.declare(parse_sources(f"sources: {{site: {{kind: web, url: '{site.url}', delay: 0}}}}", "s.yaml"))
    assert following.follow("site").added == 3
    answering(site, 400, "/leave")
    report = following.follow("site")
    assert (report.unchanged, report.deleted, report.complete) == (2, 0, False)
    assert urlsplit(report.failed[0].path).path.startswith("leave")
    site.meddle = lambda _: None
    site.remove("/pay")
    site.page("/leave", "<p>Forty days of leave.</p>")
    report = following.follow("site")
    assert (report.changed, report.deleted, report.complete) == (1, 1, True)
