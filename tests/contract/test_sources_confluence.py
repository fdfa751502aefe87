"""Confluence, in the cloud and of a Data Center, over a fake of its site, against the suite for every source."""

import html
from datetime import UTC, datetime

import pytest

from aver.testing.fakes.sources.confluence import FakeConfluence
from aver.testing.fakes.sources.confluence_data_center import FakeConfluenceDataCenter
from aver.testing.sources import CHECKS, PERMISSION_CHECKS
from tests.atlassian import DATA_CENTER, confluence, proof, proof_of_pat


class Wiki:
    def __init__(self, site, folder, **given):
        self.site, self.folder, self.given = site, folder, given
        self.ids = {}
        ann = site.add_user("ann@example.org")
        self.readers = {"user:ann@example.org": ann, "group:staff": site.add_group("staff", ann)}
        self.hermit = site.add_user("")
        self.space = site.add_space("HB", users=[ann], groups=[self.readers["group:staff"]])

    def open(self):
        return confluence(self.site, self.folder, **self.given)

    def put(self, name, words):
        storage = f"<p>{html.escape(words)}</p>"
        if name in self.ids:
            self.site.edit(self.ids[name], storage)
        else:
            self.ids[name] = self.site.add(self.space, name, storage)

    def remove(self, name):
        del self.site.contents[self.ids.pop(name)]

    def away(self):
        return self.site.away()

    def permit(self, name, readers):
        """A page cannot be kept from everybody: then it is for somebody whom nobody knows."""
        some = [self.readers[each] for each in readers] or [self.hermit]
        users = [each for each in some if each in self.site.users]
        self.site.restricted[self.ids[name]] = (users, [each for each in some if each in self.site.groups])


HOSTINGS = {
    "cloud": (FakeConfluence, proof(), {}),
    "data-center": (FakeConfluenceDataCenter, proof_of_pat(), DATA_CENTER),
}


@pytest.fixture(params=HOSTINGS)
def wiki(request, tmp_path):
    fake, accepted, given = HOSTINGS[request.param]
    with fake() as site:
        site.proofs = {accepted}
        site.page = 10
        yield Wiki(site, tmp_path, **given)


@pytest.mark.parametrize("check", [*CHECKS, *PERMISSION_CHECKS], ids=lambda check: check.__name__)
def test_confluence_keeps_the_contract(check, wiki):
    check(wiki)


def test_confluence_dates_a_page_by_its_version(wiki):
    wiki.put("one", "First.")
    wiki.put("one", "Second.")
    (item,) = [item for page in wiki.open().pages("") for item in page.items]
    assert (item.revision, item.changed) == ("2", datetime(2026, 1, 1, 0, 1, tzinfo=UTC))
