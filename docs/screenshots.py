"""Make the pictures of the chat again, from the demo's fictional publisher: ``python -m docs.screenshots [FOLDER]``.

Without a folder it writes the two pictures of the README; with one, every state at 1280 and 360 pixels, light and dark, to look at.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from aver.core.settings import Settings
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.server.application import Application
from tests.browser import browsing
from tests.servers import serving

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / "demo" / "northwind-press"
TENANT = "Northwind Press"
ANSWERED = "How many days of unused leave carry over?"
ABSTAINED = "What is the salary band of a senior editor?"
SCHEMES = ("light", "dark")
SIZES = ((1280, 800), (360, 740))


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """A server with the demo's publisher in it: its address, and an API key of an editor."""
    with tempfile.TemporaryDirectory() as folder:
        application = Application(Settings(data=Path(folder)))
        application.store.create_tenant(TENANT)
        source, access = FolderSource(DEMO / "handbook", "handbook"), AccessList.load(DEMO / "acl.yaml")
        application.tenant(TENANT).knowledge.ingest(source, access)
        key = application.create_key(TENANT, "ann", ["editors"])[1]
        with serving(application) as served:
            yield served.url, key
        application.close()


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


def every_state(browser: Browser, url: str, key: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in SCHEMES:
        for size in SIZES:
            page = open_page(browser, url, scheme, size)
            for name in states(page, key):
                page.screenshot(path=folder / f"{name}-{size[0]}-{scheme}.png")
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


def main() -> None:
    with demo() as (url, key), browsing() as browser:
        if len(sys.argv) > 1:
            every_state(browser, url, key, Path(sys.argv[1]))
        else:
            readme_pictures(browser, url, key)


if __name__ == "__main__":
    main()
