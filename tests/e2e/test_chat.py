"""The chat in a real browser, on a real server with the built-in model: what a person sees, hears and can do."""

import re
import shutil
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from aver.core.settings import ModelSettings, Settings
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.server.application import Application
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.browser import browsing
from tests.servers import serving

DEMO = Path(__file__).parents[2] / "demo" / "northwind-press"
LEAVE = "How many days of unused leave carry over?"
FOLLOW_UP = "And who may extend it in writing?"
UNKNOWN = "What is the salary band of a senior editor?"
HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"
READY = "body[data-ready]"
"""The page's scripts listen."""
WAIT = 60_000
"""Milliseconds that a page may take on a busy machine; nothing is asserted about time."""


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


def with_handbook(application, folder):
    """The demo's publisher, with a page that tries to break out of the page it is shown on, and one in Arabic."""
    handbook = folder / "handbook"
    shutil.copytree(DEMO / "handbook", handbook)
    (handbook / "hostile.txt").write_text(
        f"{HOSTILE} title\n=====\n\nThe hostile vendor is named {HOSTILE} in all contracts.\n\n<b>javascript:alert(1)</b>\n",
        "utf-8",
    )
    (handbook / "arabic.txt").write_text(
        "سياسة الإجازات\n=====\n\nيحصل كل موظف على سبعة وعشرين يوما من الإجازة السنوية.\n", "utf-8"
    )
    application.store.create_tenant("Northwind Press")
    knowledge = application.tenant("Northwind Press").knowledge
    knowledge.ingest(FolderSource(handbook, "handbook"), AccessList.load(DEMO / "acl.yaml"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    application = Application(Settings(data=folder / "data"))
    with_handbook(application, folder)
    application.store.create_tenant("Empty House")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def key(server):
    return server.application.create_key("Northwind Press", "ann", ["editors"])[1]


@pytest.fixture
def visit(browser, server):
    """Open a page as someone who is signed in; nothing may go wrong in it unless a test says so."""
    contexts = []

    def opened(key, *, url=None, width=1280, height=800, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height}, base_url=url or server.url, **options
        )
        context.set_default_timeout(WAIT)
        scripts_off = options.get("java_script_enabled") is False
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda said: page.wrong.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: (page.wrong.append("dialog"), dialog.dismiss()))
        if key:
            page.goto("/sign-in")
            page.fill("#key", key)
            page.click("button")
            page.wait_for_selector("#question" if scripts_off else READY)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert not page.wrong
        context.close()


def ask(page, question):
    """Ask with the keyboard; the finished turn."""
    before = page.locator("#turns .turn").count()
    page.fill("#question", question)
    page.press("#question", "Enter")
    turn = page.locator("#turns .turn").nth(before)
    turn.wait_for()
    page.wait_for_function("!document.getElementById('ask').dataset.busy")
    return turn


def cited(page):
    """The words marked in the page or its pane."""
    page.wait_for_selector("mark")
    return "".join(page.locator("mark").all_text_contents())


def state(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def quote(turn, number=1):
    """The quote of a citation, which an extractive answer gives word for word."""
    return turn.locator(f".sentence[data-cites~='{number}']").first.text_content()


def no_sideways_scrolling(page):
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


# Signing in


def test_signing_in_and_out(visit, key, server):
    page = visit(None)
    page.goto("/?conversation=conversation_0")
    assert urlsplit(page.url).path == "/sign-in"
    page.fill("#key", "aver_wrong")
    with page.expect_response(lambda response: response.request.method == "POST") as refused:
        page.click("button")
    assert refused.value.status == 401
    assert "not valid" in page.inner_text("[role=alert]")
    page.wrong.clear()
    page.fill("#key", key)
    page.click("button")
    page.wait_for_load_state()
    assert state(page) == {"conversation": "conversation_0"}
    assert page.inner_text("h1").startswith("There is no such conversation")
    page.wrong.clear()
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert key not in cookie["value"]
    page.goto("/")
    page.click("text=Sign out")
    page.wait_for_selector("#key")
    assert not page.context.cookies()


def test_a_link_signs_in_and_leaves_no_key_behind(visit, key):
    page = visit(None)
    page.goto(f"/sign-in#key={key}")
    page.wait_for_selector("#question")
    page.go_back()
    assert key not in page.url


# Asking


def test_verified_sentences_stream_in_and_become_the_turn(visit, key):
    page = visit(key)
    page.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => {
            const live = document.querySelector("#live .answer");
            if (live) window.seen.push(live.textContent.replace(/\\s+/g, " ").trim());
          }).observe(document.getElementById("live"), { childList: true, subtree: true });
        }"""
    )
    turn = ask(page, LEAVE)
    shown = re.sub(r"\s+", " ", turn.locator(".answer").text_content()).strip()
    seen = [text for text in page.evaluate("window.seen") if text]
    assert seen
    assert seen[-1].replace(" ", "") == shown.replace(" ", "")
    assert "ten days" in shown
    assert re.search(r"(\d+) of \1 sentences? supported", turn.locator(".proof").inner_text())
    assert "extractive" in turn.locator(".proof").inner_text()
    assert page.locator("#live").inner_text() == ""
    assert "supported" in page.locator("#announcer").text_content()


def test_a_citation_opens_its_source_at_the_quote(visit, key):
    page = visit(key, width=1000)
    turn = ask(page, LEAVE)
    assert page.locator("#pane").count() == 0
    turn.locator("a.cite").first.click()
    assert cited(page) == quote(turn)
    assert state(page)["open"] == "1"
    assert page.locator("#cited").is_visible()
    turn.locator("a.cite").first.hover()
    assert "lit" in turn.locator(".sentence").first.get_attribute("class")
    assert page.locator("#pane mark.lit").count()
    page.mouse.move(0, 0)
    assert page.locator(".lit").count() == 0
    page.click("#pane footer a")
    page.wait_for_selector("main.page")
    assert cited(page) == quote_of_address(page)


def quote_of_address(page):
    """The words between the address's own offsets, from the API."""
    place = state(page)
    text = page.evaluate(
        """([path, version]) => fetch(`/v1${path}?version=${version}`).then((r) => r.json()).then((d) => d.text)""",
        [urlsplit(page.url).path, place["version"]],
    )
    return text[int(place["start"]) : int(place["end"])]


def test_with_room_the_first_source_is_beside_the_answer(visit, key):
    page = visit(key)
    turn = ask(page, LEAVE)
    assert cited(page) == quote(turn)
    answer, pane = turn.bounding_box(), page.locator("#pane").bounding_box()
    assert answer["x"] + answer["width"] <= pane["x"]


def test_a_follow_up_stays_in_the_conversation(visit, key):
    page = visit(key)
    ask(page, LEAVE)
    first = state(page)
    turn = ask(page, FOLLOW_UP)
    assert "manager may extend" in turn.locator(".answer").inner_text()
    assert state(page)["conversation"] == first["conversation"]
    assert state(page)["turn"] != first["turn"]
    assert page.locator("#conversations [aria-current]").inner_text() == LEAVE


def test_an_abstention_says_what_was_looked_at_and_what_to_do(visit, key):
    page = visit(key)
    turn = ask(page, UNKNOWN)
    words = turn.inner_text()
    assert "no answer" in turn.locator(".proof").inner_text()
    assert 1 <= turn.locator(".near li").count() <= 3
    assert "59,000" not in words
    assert "Salary bands" not in words
    turn.locator("summary").click()
    assert "Ask its owner" in turn.inner_text()
    turn.locator(".near a").first.click()
    assert cited(page)
    assert state(page)["open"] == "near-1"


def test_evidence_is_a_story_that_ends_with_the_seal(visit, key):
    page = visit(key)
    turn = ask(page, LEAVE)
    turn.locator("text=evidence").click()
    page.wait_for_selector(".story")
    story = page.locator(".story > li")
    assert story.count() >= 5
    assert "asked" in story.first.inner_text()
    assert "Sealed as record" in page.locator(".chain").inner_text()
    story.first.locator("summary").click()
    assert '"kind": "admitted"' in story.first.locator("pre").inner_text()


def test_with_no_documents_it_says_so(visit, server):
    page = visit(server.application.create_key("Empty House", "eve")[1])
    assert "nothing here to ask yet" in page.inner_text("h1")


# The address is the state


def test_back_and_forward_and_a_shared_link(visit, key, server):
    page = visit(key, width=1000)
    turn = ask(page, LEAVE)
    closed = page.url
    turn.locator("a.cite").first.click()
    words = cited(page)
    opened = page.url
    page.go_back()
    page.wait_for_selector("#pane", state="detached")
    assert page.url == closed
    page.go_forward()
    assert cited(page) == words
    same = visit(key, width=1000)
    same.goto(opened)
    assert cited(same) == words
    other = visit(server.application.create_key("Northwind Press", "bo", ["board"])[1])
    other.goto(opened)
    assert "no such conversation" in other.inner_text("h1")
    other.wrong.clear()


# Without a mouse


def test_with_the_keyboard_alone(visit, key):
    page = visit(None, width=1000)
    page.goto("/sign-in")
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    press = page.keyboard.press
    press("Escape")
    press("/")
    page.keyboard.type(LEAVE)
    press("Enter")
    page.wait_for_selector("#turns .turn")
    page.wait_for_function("!document.getElementById('ask').dataset.busy")
    page.keyboard.type(UNKNOWN)
    press("Enter")
    page.locator("#turns .turn").nth(1).wait_for()
    page.wait_for_function("!document.getElementById('ask').dataset.busy")
    press("Escape")
    press("k")
    press("k")
    turn = page.locator("#turns .turn").first
    assert turn.evaluate("turn => turn === document.activeElement")
    press("Enter")
    assert cited(page) == quote(turn)
    assert page.evaluate("document.activeElement.id") == "pane"
    press("Escape")
    page.wait_for_selector("#pane", state="detached")
    assert page.evaluate("document.activeElement.matches('a.cite')")
    press("k")
    press("]")
    assert cited(page) == quote(turn)
    assert state(page)["open"] == "1"
    assert page.evaluate("document.activeElement.matches('a.cite[aria-current]')")
    press("?")
    assert page.locator("#help").is_visible()
    press("Escape")
    assert not page.locator("#help").is_visible()


def test_single_keys_can_be_turned_off(visit, key):
    page = visit(key)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.uncheck("#use-keys")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert not page.locator("#help").is_visible()


# Without scripts


def test_without_scripts(visit, key):
    page = visit(key, java_script_enabled=False)
    page.fill("#question", LEAVE)
    page.click("#ask button")
    page.wait_for_selector(".proof")
    turn = page.locator(".turn").first
    assert set(state(page)) == {"conversation", "turn"}
    turn.locator("a.cite").first.click()
    page.wait_for_selector("#pane")
    assert cited(page) == quote(turn)
    page.fill("#question", UNKNOWN)
    page.click("#ask button")
    page.wait_for_selector(".near")
    page.locator(".turn").nth(1).locator("text=evidence").click()
    page.wait_for_selector(".story")
    page.fill("#question", "x" * 9_000)
    page.click("#ask button")
    page.wait_for_selector("[role=alert]")
    assert page.input_value("#question") == "x" * 9_000
    page.wrong.clear()


# On a phone, magnified, the other way round


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit, key, scheme):
    page = visit(key, width=360, height=740, color_scheme=scheme)
    assert no_sideways_scrolling(page)
    turn = ask(page, LEAVE)
    assert no_sideways_scrolling(page)
    turn.locator("a.cite").first.click()
    assert cited(page) == quote(turn)
    assert no_sideways_scrolling(page)
    pane = page.locator("#pane").bounding_box()
    assert pane["x"] == 0
    assert pane["y"] > 200
    assert page.locator("#cited").is_visible()
    page.click("#close")
    page.wait_for_selector("#pane", state="detached")
    ask(page, f"{UNKNOWN} {'unbroken' * 30}")
    assert no_sideways_scrolling(page)
    page.click("text=Conversations")
    assert page.locator("#conversations").is_visible()
    page.locator("#conversations a").nth(1).click()
    assert not page.locator("#conversations").is_visible()


def test_magnified_twice_it_reads_without_scrolling_sideways(visit, key):
    page = visit(key, width=640, height=400, device_scale_factor=2)
    turn = ask(page, LEAVE)
    turn.locator("a.cite").first.click()
    assert cited(page) == quote(turn)
    assert no_sideways_scrolling(page)


def test_right_to_left_text_runs_right_to_left(visit, key):
    page = visit(key)
    turn = ask(page, "كم يوما من الإجازة السنوية يحصل كل موظف؟")
    assert turn.locator("h2").evaluate("e => getComputedStyle(e).direction") == "rtl"
    page.goto("/")
    page.click("text=سياسة")
    page.wait_for_selector(".reading")
    assert page.locator(".reading p").first.evaluate("e => getComputedStyle(e).direction") == "rtl"


# Hostile words


def test_markup_in_documents_questions_and_titles_does_nothing(visit, key):
    page = visit(key)
    assert page.locator(".shelf img, .shelf script").count() == 0
    turn = ask(page, f"Who is the hostile vendor named in all contracts? {HOSTILE}")
    assert "onerror" in turn.locator("h2").inner_text()
    turn.locator("a.cite, .near a").first.click()
    page.wait_for_selector("#pane .reading")
    turn.locator("text=evidence").click()
    page.wait_for_selector(".story")
    page.goto("/")
    page.locator(".shelf a", has_text="img src").click()
    page.wait_for_selector(".reading")
    assert "onerror" in page.inner_text(".reading")
    assert page.title() != "pwned"
    assert page.locator("main img, main script").count() == 0


def test_scripts_cannot_turn_text_into_elements(visit, key):
    page = visit(key)
    page.evaluate("() => { try { document.body.innerHTML = '<p>' } catch (error) { window.refused = error.name } }")
    assert page.evaluate("window.refused") == "TypeError"
    page.wrong.clear()


def test_another_site_cannot_ask_in_ones_name(visit, key, server):
    page = visit(key)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        asked = page.request.post("/v1/ask", data={"question": LEAVE}, headers=headers)
        assert asked.status == 401
        posted = page.request.post("/", form={"question": LEAVE}, headers=headers, max_redirects=0)
        assert posted.status == 303
        assert posted.headers["location"] == "/sign-in"
    framed = page.request.get("/")
    assert "frame-ancestors 'none'" in framed.headers["content-security-policy"]
    assert len(framed.body()) < 150_000


# A language model, and what it gets wrong


@pytest.fixture
def modelled(tmp_path):
    """A server whose answers come from a scripted language model, through real HTTP."""
    opened = []

    def serve(*replies):
        provider = FakeProvider(list(replies))
        provider.__enter__()
        model = ModelSettings(provider.base_url, "fake")
        application = Application(Settings(data=tmp_path / "data", model=model))
        with_handbook(application, tmp_path)
        serving_ = serving(application)
        opened.append((provider, application, serving_))
        return serving_.__enter__()

    yield serve
    for provider, application, serving_ in opened:
        serving_.__exit__(None, None, None)
        application.close()
        provider.__exit__(None, None, None)


GENERATED = (
    "Up to ten days of unused leave carry over to the next year [1]. "
    "Unused days are paid out in gold coins at midsummer [1]. "
)


def test_an_unsupported_sentence_is_marked_in_words_shape_and_colour(modelled, visit):
    served = modelled(Reply(GENERATED))
    page = visit(served.application.create_key("Northwind Press", "ann")[1], url=served.url)
    turn = ask(page, LEAVE)
    wrong = turn.locator(".sentence.unsupported")
    assert "gold coins" in wrong.inner_text()
    assert "dotted" in wrong.evaluate("e => getComputedStyle(e).textDecorationStyle")
    assert "not found in the sources" in turn.inner_text()
    proof = turn.locator(".proof").inner_text()
    assert "1 of 2 sentences supported" in proof
    assert "generated" in proof
    assert "cost unknown" in proof


def test_a_truncated_answer_is_no_answer_and_the_question_is_kept(modelled, visit):
    served = modelled(Reply(GENERATED, fault="cut", after=len(GENERATED) - 20, pause=0.01))
    page = visit(served.application.create_key("Northwind Press", "ann")[1], url=served.url)
    page.fill("#question", LEAVE)
    page.press("#question", "Enter")
    page.wait_for_selector("#problem [role=alert]")
    assert "Not answered" in page.inner_text("#problem")
    assert page.input_value("#question") == LEAVE
    assert page.locator("#live").inner_text() == ""


def test_a_model_that_is_down_is_replaced_and_it_says_so(modelled, visit):
    served = modelled(Reply("Overloaded", status=503))
    page = visit(served.application.create_key("Northwind Press", "ann")[1], url=served.url)
    turn = ask(page, LEAVE)
    proof = turn.locator(".proof").inner_text()
    assert "fallback" in proof
    assert "extractive" in proof


# What assistive technology is told


def test_controls_have_names_headings_have_order_and_focus_has_a_path(visit, key):
    page = visit(key)
    ask(page, LEAVE)
    ask(page, UNKNOWN)
    page.locator("a.cite").first.click()
    page.wait_for_selector("#pane")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), textarea, [role=region], nav, aside, dialog")]
          .filter((e) => !(e.ariaLabel || e.labels?.[0]?.textContent.trim() || e.textContent.trim()
            || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent.trim()))
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    levels = page.evaluate(
        "[...document.querySelectorAll('main h1, main h2, main h3')].map((h) => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    tree = page.locator("body").aria_snapshot()
    for landmark in ("banner", "navigation", "main", "complementary", "textbox"):
        assert landmark in tree
    page.reload()  # the focus begins at the top
    page.wait_for_selector(READY)
    visited = []
    for _ in range(40):
        page.keyboard.press("Tab")
        where = page.evaluate(
            """() => { const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
              return [e.id || e.textContent.trim().slice(0, 20), box.width > 0 && box.height > 0, style.outlineStyle !== "none"] }"""
        )
        visited.append(where[0])
        assert where[1:] == [True, True], where
        if where[0] == "close":
            break
    order = [
        visited.index(each)
        for each in ("Skip to the questio", "New conversation", "question", "close")
        if each in visited
    ]
    assert len(order) >= 3
    assert order == sorted(order)
    assert page.evaluate("document.documentElement.lang") == "en"
