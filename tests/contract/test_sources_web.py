"""A web site as a source, read by links and by its sitemap, against the suite for every source."""

from __future__ import annotations

import html
from urllib.parse import quote

import pytest

from aver.core.clock import SystemClock
from aver.knowledge.sources.types import Reach
from aver.knowledge.sources.web import Options, WebSource
from aver.testing.fakes.sources.web import Site
from aver.testing.sources import CHECKS


class Linked:
    def __init__(self, site, folder):
        self.site, self.folder = site, folder
        self.away = site.away
        self._tell()

    def open(self):
        reach = Reach(lambda reference: reference, SystemClock(), self.folder, 2**20)
        return WebSource("site", Options(self.site.url, delay=0), reach, wait=lambda _: None)

    def put(self, name, words):
        self.site.page(f"/pages/{quote(name)}", f"<p>{html.escape(words)}</p>", title=name)
        self._tell()

    def remove(self, name):
        self.site.remove(f"/pages/{quote(name)}")
        self._tell()

    def _tell(self):
        pages = [path for path in self.site.pages if path != "/"]
        self.site.page("/", "<p>All pages</p>", links=pages, head='<meta name="robots" content="noindex">')


class Mapped(Linked):
    def _tell(self):
        self.site.list_pages(*self.site.pages)


class Forgetful(Linked):
    """The site has no entity tags, and the folder is lost between two listings."""

    def open(self):
        self.folder = self.folder / "another"
        return super().open()


@pytest.mark.parametrize("place", [Linked, Mapped, Forgetful])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_web_site_keeps_the_contract(place, check, tmp_path):
    with Site() as site:
        check(place(site, tmp_path / "folder"))
