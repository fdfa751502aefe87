"""The Knowledge page in a real browser: where documents come from, how that stands, and a passage on the page it came from."""

import contextlib
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest

from aver.core.errors import NotFound
from aver.core.settings import Settings
from aver.knowledge.sources import parse_sources
from tests.browser import browsing
from tests.servers import open_application, serving
from tests.unit.knowledge.adapters.building import pdf

DEMO = Path(__file__).parents[2] / "demo" / "northwind-press"
HOSTILE = "<img src=x onerror=alert(1)>"
POLICY = pdf(
    [
        [(72, 720, 24, "Travel policy"), (72, 660, 12, "Trains are booked through the travel desk.")],
        [(72, 400, 12, "A daily allowance of 45 euros covers meals.")],
    ]
)
RULES = "[{match: '**', readers: [everyone]}, {match: salaries.md, readers: ['group:board']}, {match: stub.md, readers: []}]"
WAIT = 60_000


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("knowledge")
    application = open_application(Settings(data=folder / "data"))
    for tenant in ("Northwind Press", "Empty House"):
        application.store.create_tenant(tenant)
    handbook, papers, away = folder / "handbook", folder / "papers", folder / "away"
    shutil.copytree(DEMO / "handbook", handbook)
    (handbook / "empty.md").write_text("")
    (handbook / "stub.md").write_text("# Coming\n\nsoon")
    (handbook / f"{quote(HOSTILE, safe='')}.txt").write_text(f"{HOSTILE}\n=====\n\nToo short")
    for each in (papers, away):
        each.mkdir()
    (papers / "travel.pdf").write_bytes(POLICY)
    (away / "old.md").write_text(
        "# Old\n\nThis page was here when the folder was, and nobody has taken it away since then."
    )
    sources = application.tenant("Northwind Press").sources
    declared = (
        f"sources: {{handbook: {{kind: folder, path: '{handbook}', every: 1h, access: {RULES}}}, "
        f"papers: {{kind: folder, path: '{papers}', every: 1d}}, "
        f"archive: {{kind: folder, path: '{away}', access: [{{match: '**', readers: ['group:board']}}]}}}}"
    )
    sources.declare(parse_sources(declared, "s.yaml"))
    for name in ("handbook", "papers", "archive"):
        sources.follow(name)
    shutil.rmtree(away)
    with contextlib.suppress(NotFound):
        sources.follow("archive")
    with serving(application) as served:
        yield served
    application.close()


def key(server, user, groups=(), roles=(), tenant="Northwind Press"):
    return server.application.create_key(tenant, user, groups, roles)[1]


@pytest.fixture
def visit(browser, server):
    """Open the page as someone who is signed in; nothing may go wrong in it."""
    contexts = []

    def opened(secret, address="/knowledge", **options):
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        context = browser.new_context(base_url=server.url, **options)
        context.set_default_timeout(WAIT)
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda said: page.wrong.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: (page.wrong.append("dialog"), dialog.dismiss()))
        page.goto("/sign-in")
        page.fill("#key", secret)
        page.click("button")
        page.wait_for_selector("#question")
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert not page.wrong
        context.close()


def rows(page):
    return {row.locator("th a").inner_text(): row.inner_text() for row in page.locator("#sources tbody tr").all()}


def passage(server, words):
    """The address of the travel policy with these words marked."""
    services = server.application.tenant("Northwind Press")
    ann = services.principal("ann")
    found = next(each for each in services.knowledge.documents(ann) if each.source == "papers")
    start = services.knowledge.document(ann, found.id).text.index(words)
    return f"/documents/{found.id}?version=1&start={start}&end={start + len(words)}"


def test_a_keeper_sees_every_source_and_what_ails_it(visit, server):
    page = visit(key(server, "ann", roles=["admin"]))
    shown = rows(page)
    assert list(shown) == ["archive", "handbook", "papers"]
    told = page.request.get("/knowledge?format=json").json()
    assert [each["overview"]["name"] for each in told["sources"]] == list(shown)
    (found,) = page.request.get("/knowledge?source=papers&format=json").json()["shelf"]["documents"]
    assert found["title"] == "Travel policy"
    assert "failed" in shown["archive"]
    assert "incomplete" in shown["handbook"]
    assert "1 failed" in shown["handbook"]
    assert "some 1" in shown["handbook"]
    assert "nobody 1" in shown["handbook"]
    assert "well" in shown["papers"]
    page.locator("#sources thead a", has_text="Documents").click()
    page.wait_for_url("**/knowledge?sort=documents")
    assert next(iter(rows(page))) == "handbook"
    page.locator("#sources a", has_text="archive").click()
    alert = page.inner_text("[role=alert]")
    assert "nothing at" in alert
    assert "Check the path" in alert


def test_a_source_tells_what_failed_and_what_to_do(visit, server):
    page = visit(key(server, "ann", roles=["admin"]), "/knowledge?source=handbook")
    assert "empty.md" in page.inner_text("main")
    assert "Write something in it, or remove it." in page.inner_text("main")
    page.locator(".check summary", has_text="short").click()
    finding = page.locator(".check li", has_text="Coming")
    assert "2 words" in finding.inner_text()
    assert finding.locator("a").count() == 0  # which a keeper, too, may not read
    assert page.locator(".check li", has_text="onerror").locator("a").count() == 1
    page.fill("#find", "leave")
    page.click("text=Find")
    assert page.locator("#documents ~ table tbody tr, section table tbody tr").count() == 1
    assert "find=leave" in page.url
    page.fill("#find", "no such title")
    page.press("#find", "Enter")
    page.wait_for_load_state()
    assert "No title or address" in page.inner_text("main")


def test_anyone_else_sees_what_concerns_what_they_may_read(visit, server):
    page = visit(key(server, "bo"))
    shown = rows(page)
    assert list(shown) == ["handbook", "papers"]
    assert "failed" not in page.inner_text("main")
    assert "on time" in shown["handbook"]
    page.click("text=handbook")
    words = page.inner_text("main")
    for hidden in ("Last run", "Who may read", "empty.md", "Coming", "alary"):
        assert hidden not in words
    refused = visit(key(server, "bo"), "/knowledge?source=archive")
    assert "no such source" in refused.inner_text("h1")
    refused.wrong.clear()


def test_with_nothing_to_show_it_says_why(visit, server):
    assert "nothing here for you" in visit(key(server, "eve", tenant="Empty House")).inner_text("main")
    assert "no source yet" in visit(key(server, "kay", roles=["admin"], tenant="Empty House")).inner_text("main")


def test_a_passage_is_shown_on_the_page_it_came_from(visit, server):
    page = visit(key(server, "ann"), passage(server, "A daily allowance of 45 euros"))
    picture = page.locator(".sheet img")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") == 1200
    sheet, mark = page.locator(".sheet").bounding_box(), page.locator("#cited").bounding_box()
    middle = (mark["y"] + mark["height"] / 2 - sheet["y"]) / sheet["height"]
    assert middle == pytest.approx(1 - 404 / 792, abs=0.02)
    assert "Page 2 of 2" in page.inner_text("figcaption")
    assert page.inner_text("figcaption q") == "A daily allowance of 45 euros"
    page.click("text=Page 1")
    assert page.locator("#cited").count() == 0
    page.click("text=As text")
    assert "".join(page.locator("mark").all_text_contents()) == "A daily allowance of 45 euros"
    page.click("text=As printed")
    assert "Page 2 of 2" in page.inner_text("figcaption")
    page.click("text=papers")
    assert page.inner_text("h1") == "papers"


def test_a_picture_is_asked_for_each_time_and_drawn_once(visit, server):
    page = visit(key(server, "ann"), passage(server, "A daily allowance"))
    address = page.locator(".sheet img").get_attribute("src")
    first = page.request.get(address)
    assert first.headers["content-type"] == "image/png"
    assert "no-cache" in first.headers["cache-control"]
    again = page.request.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert again.status == 304
    page.context.clear_cookies()
    signed_out = page.request.get(address, headers={"If-None-Match": first.headers["etag"]}, max_redirects=0)
    assert signed_out.status == 303
    stranger = visit(key(server, "eve", tenant="Empty House"))
    assert stranger.request.get(address, headers={"If-None-Match": first.headers["etag"]}).status == 404


def test_without_scripts_and_with_the_keyboard_alone(visit, server):
    page = visit(key(server, "ann", roles=["admin"]), java_script_enabled=False)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the sources"
    page.keyboard.press("Enter")
    page.wait_for_url("**#sources")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Source"
    page.keyboard.press("Enter")
    page.wait_for_url("**/knowledge?sort=name")
    page.locator("#sources tbody th a", has_text="papers").focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert page.inner_text("h1") == "papers"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit, server, scheme):
    page = visit(key(server, "ann", roles=["admin"]), viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for address in ("/knowledge", "/knowledge?source=handbook", passage(server, "Trains"), "/"):
        page.goto(address)
        for details in page.locator("main details").all():
            details.locator("summary").click()
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), address


def test_markup_in_names_does_nothing(visit, server):
    page = visit(key(server, "ann", roles=["admin"]), "/knowledge?source=handbook&find=%3Cimg")
    assert page.locator("main img").count() == 0
    assert "onerror" in page.inner_text("main")
