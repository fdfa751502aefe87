"""The report in a real browser: read, filtered and opened by keyboard, without script too; and nothing in it does anything."""

from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe

from aver.evals.gates.declaration import parse_condition
from aver.evals.gates.judging import Trial, judge
from aver.evals.gates.sheet import sheet_of
from aver.evals.rendering.page import gate_page
from aver.evals.types import Case, Result
from tests.browser import browsing
from tests.runs import made, results, told, write_run

HOSTILE = "<script>document.title='owned'</script><img src=http://evil.example/x onerror=alert(1)> \u202egnirts"
CASES = 320


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A gate that fails, over cases that want to do harm, of which one ended with an error."""
    folder = tmp_path_factory.mktemp("report")

    def run(name, share, seed, **header):
        found = [told(each, f"{HOSTILE} {name}", ("leave.md", HOSTILE)) for each in results(made(share, CASES, seed))]
        found = [replace(each, tags=(("hr", "travel")[place % 2],)) for place, each in enumerate(found)]
        found[7] = Result(found[7].case, 0, {}, found[7].tags, error="provider-timeout", said="late")
        return write_run(folder / f"{name}.run.jsonl", found, **header)

    runs = run("before", 0.7, 0, release="1" * 64, target_digest="1" * 64), run("after", 0.6, 1)
    before, after = map(sheet_of, runs)
    trial = Trial("handbook", after, before)
    verdict = judge([parse_condition("right_of_answered>=0.8"), parse_condition("right_of_answered[*]>=0.1")], [trial])
    cases = {name: Case(name, f"What of {name}? {HOSTILE}", answers=("so",)) for name in after.rows}
    file = folder / "report.html"
    file.write_text(gate_page(verdict, [trial], {"handbook": runs[1]}, {"handbook": runs[0]}, cases), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def browser():
    with browsing() as found:
        yield found


@pytest.fixture
def visit(browser, page_file):
    """Opens the page; everything that it asks the network for, or says on the console, is an error of the test."""
    contexts, heard = [], []

    def open_(fragment="", **options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("request", lambda request: request.url.startswith("file:") or heard.append(request.url))
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
        page.goto(page_file.as_uri() + fragment)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("#controls:not([hidden])")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert heard == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_has_no_barriers_and_fits_the_screen(visit, scheme, width):
    page = visit(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.locator("#list summary").nth(1).click()
    page.wait_for_selector("#list details[open] .answer")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_every_case_can_be_reached_and_opens_side_by_side(visit):
    page = visit()
    assert page.locator("#count").inner_text() == f"{CASES} of {CASES} cases"
    while page.locator("#more").is_visible():
        page.click("#more")
    assert page.locator("#list > li").count() == CASES
    last = page.locator("#list > li").last
    last.locator("summary").click()
    last.locator(".answer").first.wait_for()
    assert last.locator(".answer").count() == 2
    assert "<script>" in last.locator(".said").first.inner_text()
    assert page.title().startswith("Gate: The gate fails")


def test_it_is_filtered_and_sorted_and_the_address_says_how(visit):
    page = visit()
    page.select_option("[name=state]", "1")
    assert page.locator("#list .id").all_inner_texts() == ["case-0007"]
    page.select_option("[name=state]", "")
    page.fill("[name=q]", "CASE-001")
    assert page.locator("#count").inner_text() == f"10 of {CASES} cases"
    page.select_option("[name=tag]", label="travel")
    assert page.locator("#count").inner_text() == f"5 of {CASES} cases"
    page.select_option("[name=sort]", label="right_of_answered, most first")
    values = page.locator("#list .at-value").all_inner_texts()
    assert values == sorted(values, reverse=True)
    again = visit(page.evaluate("location.hash"))
    assert again.locator("#list .id").all_inner_texts() == page.locator("#list .id").all_inner_texts()


def test_the_keyboard_is_enough(visit):
    page = visit()
    page.keyboard.press("/")
    page.keyboard.type("case-0012")
    assert page.locator("#count").inner_text() == f"1 of {CASES} cases"
    page.locator("#list summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#list details[open] .answer")


def test_it_is_read_without_script(visit):
    page = visit(java_script_enabled=False)
    assert "fail" in page.locator("h1").inner_text()
    assert page.locator(".conditions li").count() == 3
    assert page.locator("#list > li").count() == 200
    assert page.locator("#controls").is_hidden()
    assert f"of {CASES} cases to look at first" in page.locator("#partly").inner_text()
    first = page.locator("#list > li").first
    first.locator("summary").click()
    assert first.locator(".answer").first.is_visible()
