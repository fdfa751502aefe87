"""Jira, in the cloud and of a Data Center, over a fake of its site, against the suite for every source."""

from datetime import datetime

import pytest

from aver.testing.fakes.sources.jira import FakeJira, paragraph
from aver.testing.fakes.sources.jira_data_center import FakeJiraDataCenter
from aver.testing.sources import CHECKS, PERMISSION_CHECKS
from tests.atlassian import DATA_CENTER, jira, proof, proof_of_pat


class Desk:
    def __init__(self, site, folder, **given):
        self.site, self.folder, self.given = site, folder, given
        self.ids = {}
        ann = site.add_user("ann@example.org")
        staff = site.add_group("staff", ann)
        self.holders = {
            "user:ann@example.org": {"type": "user", "parameter": ann, "value": ann},
            "group:staff": {"type": "group", "parameter": "staff", "value": staff},
        }
        self.project = site.add_project("DESK", *self.holders.values())

    def open(self):
        return jira(self.site, self.folder, **self.given)

    def put(self, name, words):
        if name in self.ids:
            self.site.edit(self.ids[name], description=paragraph(words))
        else:
            self.ids[name] = self.site.add(self.project, name, words)

    def remove(self, name):
        del self.site.issues[self.ids.pop(name)]

    def away(self):
        return self.site.away()

    def permit(self, name, readers):
        level = self.site.add_level(*(self.holders[each] for each in readers))
        self.site.issues[self.ids[name]].fields["security"] = {"id": level, "name": "Some"}


class OwnDesk(Desk):
    """Nobody tells who is in a security level: issues that somebody may read are in a project of their own."""

    def put(self, name, words):
        if name in self.ids:
            self.site.edit(self.ids[name], description=words)
        else:
            super().put(name, words)

    def permit(self, name, readers):
        key = name.upper()
        self.site.projects.pop(key, None)
        self.site.add_project(key, *(self.holders[each] for each in readers))
        issue = self.site.issues[self.ids[name]]
        issue.project, issue.key = key, f"{key}-1"


HOSTINGS = {
    "cloud": (FakeJira, proof(), Desk, {}),
    "data-center": (FakeJiraDataCenter, proof_of_pat(), OwnDesk, DATA_CENTER),
}


@pytest.fixture(params=HOSTINGS)
def desk(request, tmp_path):
    fake, accepted, place, given = HOSTINGS[request.param]
    with fake() as site:
        site.proofs = {accepted}
        site.page = 10
        yield place(site, tmp_path, **given)


@pytest.mark.parametrize("check", [*CHECKS, *PERMISSION_CHECKS], ids=lambda check: check.__name__)
def test_jira_keeps_the_contract(check, desk):
    check(desk)


def test_jira_dates_an_issue_by_its_last_change(desk):
    desk.put("one", "First.")
    (item,) = [item for page in desk.open().pages("") for item in page.items]
    told = desk.site.issues[desk.ids["one"]].fields["updated"]
    assert item.changed == datetime.strptime(told, "%Y-%m-%dT%H:%M:%S.%f%z")
