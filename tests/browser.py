"""The browser of the tests: which Chromium to run, and how. ``python -m tests.browser`` prints it."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

__all__ = ["browsing", "executable"]

_SYSTEM = ("/usr/bin/chromium", "google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
_ARGUMENTS = (
    "--no-sandbox",  # containers run the tests as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def executable() -> str:
    """Path of the Chromium to run: ``AVER_BROWSER``, the system's, or Playwright's own. ``RuntimeError`` when there is none."""
    named = os.environ.get("AVER_BROWSER")
    for candidate in (named,) if named else _SYSTEM:
        if found := shutil.which(candidate):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if not named and Path(own).exists():
        return own
    raise RuntimeError(f"There is no Chromium{f' at AVER_BROWSER={named}' if named else ''}. Get one: make browser")


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless browser, closed on leaving."""
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


if __name__ == "__main__":
    try:
        print(executable())
    except RuntimeError as error:
        sys.exit(f"error: {error}")
