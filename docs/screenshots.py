"""Make the pictures again, from the demo's fictional publisher: ``python -m docs.screenshots [FOLDER | URL KEY]``.

Without arguments it writes those of the chat in the README and in the page on agents; with a folder, every state at 1280 and 360 pixels, light
and dark, to look at, those of whoever keeps the installation too. The picture of the console is of the week that ``make demo`` serves: give
where, and the key in the sign-in link of its owner.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page

from aver.core.errors import AverError
from aver.knowledge.sources import parse_sources
from aver.server.application import Application
from tests.browser import browsing
from tests.demo import DONE, ORDERED, QUESTIONED, publisher
from tests.servers import Served, serving
from tests.unit.knowledge.adapters.building import pdf

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / "demo" / "northwind-press"
TENANT = "Northwind Press"
ANSWERED = "How many days of unused leave carry over?"
ABSTAINED = "What is the salary band of a senior editor?"
SCHEMES = ("light", "dark")
SIZES = ((1280, 800), (360, 740))
PRINTED = "A daily allowance of 45 euros covers meals."
RULES = "[{match: '**', readers: [everyone]}, {match: 'board/**', readers: ['group:board']}, {match: drafts.md, readers: []}]"


@contextmanager
def demo() -> Iterator[tuple[Served, str]]:
    """A server with the demo's publisher and its agent in it, and an API key of an editor."""
    with tempfile.TemporaryDirectory() as folder, publisher(Path(folder), Application) as (application, _):
        key = application.create_key(TENANT, "ann", ["editors"])[1]
        with serving(application) as served:
            yield served, key


def furnish(application: Application, folder: Path) -> tuple[str, str]:
    """Sources in every state beside the demo's: an API key of whoever keeps them, and the address of a passage on its page."""
    wiki, papers, away = (folder / name for name in ("wiki", "papers", "away"))
    shutil.copytree(DEMO / "handbook", wiki)
    (wiki / "drafts.md").write_text("# Drafts\n\nsoon")
    (wiki / "empty.md").write_text("")
    papers.mkdir()
    lines = [
        (72, 720, 24, "Travel policy"),
        (72, 660, 12, "Trains are booked through the travel desk."),
        (72, 400, 12, PRINTED),
    ]
    (papers / "travel.pdf").write_bytes(pdf([lines]))
    away.mkdir()
    (away / "old.md").write_text(
        "# Old rules\n\nThese rules held until the house moved, and nobody has taken them away since."
    )
    services = application.tenant(TENANT)
    kept = {"wiki": f"{{kind: folder, path: '{wiki}', every: 1h, access: {RULES}}}"}
    kept |= {name: f"{{kind: folder, path: '{folder / name}', every: 1d}}" for name in ("papers", "away", "never")}
    declared = ", ".join(f"{name}: {how}" for name, how in kept.items())
    services.sources.declare(parse_sources(f"sources: {{{declared}}}", "sources.yaml"))
    for name in ("wiki", "papers", "away"):
        services.sources.follow(name)
    shutil.rmtree(away)
    with suppress(AverError):
        services.sources.follow("away")
    ann = services.principal("ann")
    policy = next(each.id for each in services.knowledge.documents(ann) if each.source == "papers")
    start = services.knowledge.document(ann, policy).text.index(PRINTED)
    key = application.create_key(TENANT, "kim", ["editors"], ["admin"])[1]
    return key, f"/documents/{policy}?version=1&start={start}&end={start + len(PRINTED)}#cited"


def open_page(browser: Browser, url: str, scheme: str, size: tuple[int, int]) -> Page:
    width, height = size
    return browser.new_page(base_url=url, color_scheme=scheme, viewport={"width": width, "height": height})


def sign_in(page: Page, key: str) -> None:
    page.goto(f"/sign-in#key={key}")
    page.wait_for_selector("body[data-ready]")


def ask(page: Page, question: str) -> None:
    before = page.locator("#turns .turn").count()
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.locator("#turns .turn").nth(before).wait_for()
    page.wait_for_function("!document.getElementById('ask').dataset.busy")


def open_source(page: Page) -> None:
    """The first citation's source, the citation and its words lit."""
    cite = page.locator("#turns .turn").first.locator("a.cite").first
    if not page.locator("#pane mark").count():
        cite.click()
        page.wait_for_selector("#pane mark")
    cite.hover()


def have_done(page: Page, task: str) -> None:
    """Ask the agent instead of the documents, in a new conversation."""
    page.goto("/")
    page.wait_for_selector("body[data-ready]")
    page.select_option("#feature", "desk")
    ask(page, task)


def readme_pictures(browser: Browser, url: str, key: str) -> None:
    for scheme in SCHEMES:
        page = open_page(browser, url, scheme, (1280, 720))
        sign_in(page, key)
        ask(page, ANSWERED)
        ask(page, ABSTAINED)
        page.locator("#turns .turn").first.scroll_into_view_if_needed()
        open_source(page)
        (HERE / "images").mkdir(exist_ok=True)
        page.screenshot(path=HERE / "images" / f"chat-{scheme}.png")
        page.close()
        page = open_page(browser, url, scheme, (1280, 1200))
        sign_in(page, key)
        have_done(page, QUESTIONED)
        page.select_option("#feature", "desk")
        ask(page, ORDERED)
        page.locator("#turns .turn").first.scroll_into_view_if_needed()
        page.screenshot(path=HERE / "images" / f"agent-{scheme}.png")
        page.close()


def console_picture(browser: Browser, url: str, key: str) -> None:
    page = open_page(browser, url, "light", (1280, 900))
    sign_in(page, key)
    page.goto("/overview?period=7d")
    page.screenshot(path=HERE / "images" / "overview-light.png")


def every_state(browser: Browser, served: Served, key: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as furniture:
        for pictured in (states, partial(kept, *furnish(served.application, Path(furniture)))):
            for scheme in SCHEMES:
                for size in SIZES:
                    page = open_page(browser, served.url, scheme, size)
                    for name in pictured(page, key):
                        page.screenshot(path=folder / f"{name}-{size[0]}-{scheme}.png", full_page="kept" in name)
                    page.close()


def states(page: Page, key: str) -> Iterator[str]:
    """The page in one state after another, by name."""
    page.goto("/sign-in")
    yield "sign-in"
    page.goto("about:blank")
    sign_in(page, key)
    yield "start"
    ask(page, ANSWERED)
    open_source(page)
    yield "answer"
    page.locator("#turns .turn").first.locator("a", has_text="evidence").click()
    page.wait_for_selector(".story")
    yield "evidence"
    page.click("#close")
    page.wait_for_selector("#pane", state="detached")
    ask(page, ABSTAINED)
    yield "abstention"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    yield "help"
    page.goto("/knowledge")
    yield "knowledge"
    page.goto("/knowledge?source=handbook")
    yield "source"
    have_done(page, DONE)
    yield "agent-done"
    have_done(page, ORDERED)
    yield "agent-refuses"
    page.locator("#turns .turn").first.locator("a", has_text="evidence").click()
    page.wait_for_selector(".story")
    yield "agent-evidence"
    have_done(page, QUESTIONED)
    yield "agent-asks"
    page.goto("/approvals")
    yield "approvals"
    page.locator("button", has_text="Refuse").first.click()
    page.wait_for_selector("body[data-ready]")
    yield "agent-after-refusal"


def kept(keeper: str, passage: str, page: Page, _key: str) -> Iterator[str]:
    """What whoever keeps the installation sees of its sources."""
    sign_in(page, keeper)
    page.goto("/knowledge?sort=state")
    yield "kept-sources"
    page.keyboard.press("Tab")
    yield "kept-sources-focus"
    for name in ("wiki", "away", "never"):
        page.goto(f"/knowledge?source={name}")
        for details in page.locator("main details").all():
            details.locator("summary").click()
        yield f"kept-{name}"
    page.goto(passage)
    page.wait_for_function("[...document.images].every(each => each.complete)")
    yield "kept-passage"


def main() -> None:
    if len(sys.argv) > 2:
        with browsing() as browser:
            console_picture(browser, *sys.argv[1:3])
        return
    with demo() as (served, key), browsing() as browser:
        if len(sys.argv) > 1:
            every_state(browser, served, key, Path(sys.argv[1]))
        else:
            readme_pictures(browser, served.url, key)


if __name__ == "__main__":
    main()
