"""The demo's agent in the chat, in a real browser: a task done, a question answered, an order in a letter refused, and how all of it is shown."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser import browsing
from tests.demo import DONE, ORDERED, QUESTIONED, publisher
from tests.servers import serving

READY = "body[data-ready]"
WAIT = 60_000
CUSTOMER = "buying@tidewater-books.example"


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def press(tmp_path_factory):
    with publisher(tmp_path_factory.mktemp("press")) as (application, office), serving(application) as served:
        yield served, office


@pytest.fixture
def office(press):
    """What the tools work on, as at first."""
    press[1].reset()
    return press[1].show


@pytest.fixture
def visit(browser, press):
    """Open the chat as ann; nothing may go wrong in it."""
    contexts, wrong = [], []
    server = press[0]

    def opened(*, width=1280, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, base_url=server.url, **options)
        context.set_default_timeout(WAIT)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto("/sign-in")
        page.fill("#key", server.application.create_key("Northwind Press", "ann", ["editors"])[1])
        page.click("button")
        page.wait_for_selector("#question" if options.get("java_script_enabled") is False else READY)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def have_done(page, task):
    """Ask the desk; its turn."""
    before = page.locator("#turns .turn").count()
    page.select_option("#feature", "desk")
    page.fill("#question", task)
    page.press("#question", "Enter")
    turn = page.locator("#turns .turn").nth(before)
    turn.wait_for()
    page.wait_for_function("!document.getElementById('ask').dataset.busy")
    return turn


def actions(turn):
    """Each tool that was to be called, with the word for what became of it."""
    told = turn.locator(".actions > li")
    return [
        (each.locator("code").first.inner_text(), each.locator(".became").inner_text().strip()) for each in told.all()
    ]


def no_sideways_scrolling(page):
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def barriers(page):
    """What axe finds, in short."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]


# The three tasks


def test_a_task_is_done_and_each_action_told(visit, office):
    page = visit()
    turn = have_done(page, DONE)
    assert actions(turn) == [("listPeople", "done"), ("schedule_event", "done")]
    assert "scheduled" in turn.locator(".said").inner_text()
    assert "answered" in turn.locator(".proof").inner_text()
    assert office()["events"][-1]["participants"] == ["dana.okafor@northwind-press.example"]
    turn.locator("text=evidence").click()
    page.wait_for_selector(".story")
    told = page.locator(".story").inner_text()
    assert "Policy allows a call of schedule_event" in told
    assert "Sealed as record" in page.locator(".chain").inner_text()


def test_what_only_a_letter_orders_is_refused_with_the_reason(visit, office):
    before = office()
    turn = have_done(visit(), ORDERED)
    assert actions(turn) == [("search_post", "done"), ("sendMessage", "refused"), ("close_ticket", "refused")]
    refused = turn.locator(".actions > li").nth(1)
    assert "archive@quick-rights.example" in refused.inner_text()
    assert "taken from untrusted content" in refused.inner_text()
    assert refused.locator(".reason").is_visible()
    assert office() == before


def test_a_question_shows_the_exact_call_and_is_approved_by_a_click(visit, office):
    page = visit()
    turn = have_done(page, QUESTIONED)
    assert actions(turn) == [("read_ticket", "done"), ("sendMessage", "waits for approval")]
    asked = turn.locator("section.note")
    for told in (
        "Approve sendMessage?",
        CUSTOMER,
        "a source that the asker pointed at",
        "cannot be taken back",
        "until 20",
    ):
        assert told in asked.inner_text()
    assert " ".join(page.locator("#rooms").inner_text().split()).endswith("1 waiting for you")
    assert office()["messages"] == []
    asked.get_by_role("button", name="Approve", exact=True).click()
    page.wait_for_selector(".said")
    assert actions(page.locator(".turn").last) == [("read_ticket", "done"), ("sendMessage", "done")]
    assert [each["to"] for each in office()["messages"]] == [[CUSTOMER]]
    assert "waiting" not in page.locator("#rooms").inner_text()


def test_a_question_is_refused_from_the_page_of_approvals(visit, office):
    page = visit()
    have_done(page, QUESTIONED)
    page.click("#rooms >> text=Approvals")
    assert "who asked: Read ticket 103" in page.inner_text("main")
    page.get_by_role("button", name="Refuse", exact=True).click()
    page.wait_for_selector(".turn")
    turn = page.locator(".turn").last
    assert actions(turn) == [("read_ticket", "done"), ("sendMessage", "not approved")]
    assert office()["messages"] == []
    page.goto("/approvals")
    assert "Nothing waits for you." in page.inner_text("main")


def test_an_answer_that_was_given_elsewhere_shows_by_itself(visit, office, press):
    page = visit()
    have_done(page, QUESTIONED)
    services = press[0].application.tenant("Northwind Press")
    (asked,) = services.approvals.pending(services.principal("ann", ["editors"]))
    services.approvals.approve(services.principal("ann", ["editors"]), asked.id)
    page.wait_for_selector(".said")
    assert actions(page.locator(".turn").last)[-1] == ("sendMessage", "done")
    assert len(office()["messages"]) == 1


# Everyone


def test_with_the_keyboard_alone(visit, office):
    page = visit()
    press = page.keyboard.press
    page.focus("#feature")
    page.keyboard.type("desk")
    press("Tab")
    page.keyboard.type(QUESTIONED)
    press("Enter")
    page.wait_for_selector("section.note")
    page.wait_for_function("!document.getElementById('ask').dataset.busy")
    press("Escape")
    press("k")
    assert page.evaluate("document.activeElement.matches('.turn')")
    for _ in range(5):
        press("Tab")
        if page.evaluate("document.activeElement.value") == "approve":
            break
    press("Enter")
    page.wait_for_selector(".said")
    assert len(office()["messages"]) == 1


def test_without_scripts(visit, office):
    page = visit(java_script_enabled=False)
    page.select_option("#feature", "desk")
    page.fill("#question", QUESTIONED)
    page.click("#ask button")
    page.wait_for_selector("section.note")
    page.get_by_role("button", name="Refuse", exact=True).click()
    page.wait_for_selector(".said")
    assert actions(page.locator(".turn").last)[-1] == ("sendMessage", "not approved")
    assert office()["messages"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_has_no_barriers_and_fits(visit, office, scheme, width):
    page = visit(width=width, height=800, color_scheme=scheme)
    have_done(page, ORDERED)
    have_done(page, QUESTIONED)
    assert no_sideways_scrolling(page)
    assert page.locator("#rooms >> text=Approvals").is_visible()
    assert barriers(page) == []
    page.locator(".turn").first.locator("text=evidence").click()
    page.wait_for_selector(".story")
    assert barriers(page) == []
    page.goto("/approvals")
    assert no_sideways_scrolling(page)
    assert barriers(page) == []
    page.get_by_role("button", name="Refuse", exact=True).click()
    page.wait_for_selector(".said")
    assert no_sideways_scrolling(page)
    assert barriers(page) == []
