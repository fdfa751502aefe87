"""GitHub, over a fake of it, against the suite for every source: its issues, its wiki and its files each."""

from datetime import datetime

import pytest

from aver.testing.fakes.sources.github import FakeGithub
from aver.testing.sources import CHECKS, PERMISSION_CHECKS
from tests.github import TOKEN, github

ANN = {"login": "ann", "permissions": {"pull": True}}
STAFF = {"slug": "staff", "permissions": {"pull": True}}


class Issues:
    """The readers of an issue are those of its repository: each is in a repository of its own."""

    def __init__(self, served, folder):
        self.served, self.folder = served, folder
        self.numbers = {}
        self.repositories = [served.add_repository("acme/handbook")]

    def open(self):
        return github(self.served, self.folder, repositories=tuple(each.full_name for each in self.repositories))

    def put(self, name, words):
        if name in self.numbers:
            self.served.touch(*self.numbers[name], body=words)
            return
        repository = self.repositories[0]
        self.numbers[name] = repository, self.served.add_issue(repository, name, words)

    def remove(self, name):
        repository, number = self.numbers.pop(name)
        del repository.issues[number]

    def away(self):
        return self.served.away()

    def permit(self, name, readers):
        repository, number = self.numbers[name]
        if repository.full_name != f"acme/{name}":
            words = repository.issues.pop(number)["body"]
            repository = self.served.add_repository(f"acme/{name}")
            self.repositories.append(repository)
            self.numbers[name] = repository, self.served.add_issue(repository, name, words)
        repository.collaborators = [ANN] if "user:ann@example.org" in readers else []
        repository.teams = [STAFF] if "group:staff" in readers else []


class Files:
    def __init__(self, served, folder, part):
        self.served, self.folder, self.part = served, folder, part
        self.repository = served.add_repository("acme/handbook", visibility="public")
        self.put("kept", "")
        self.remove("kept")

    def open(self):
        return github(self.served, self.folder, parts=(self.part,))

    def put(self, name, words):
        self.served.write(getattr(self.repository, self.part), f"{name}.md", words)

    def remove(self, name):
        self.served.write(getattr(self.repository, self.part), f"{name}.md", None)

    def away(self):
        return self.served.away()


@pytest.fixture
def served(tmp_path):
    with FakeGithub(tmp_path / "hub") as fake:
        fake.accept(TOKEN)
        fake.page = 10
        yield fake


@pytest.mark.parametrize("check", [*CHECKS, *PERMISSION_CHECKS], ids=lambda check: check.__name__)
def test_issues_keep_the_contract(check, served, tmp_path):
    check(Issues(served, tmp_path / "source"))


@pytest.mark.parametrize("part", ["wiki", "code"])
@pytest.mark.parametrize("check", CHECKS[1:], ids=lambda check: check.__name__)
def test_files_keep_the_contract(check, part, served, tmp_path):
    check(Files(served, tmp_path / "source", part))


def test_an_issue_is_dated_by_its_last_change(served, tmp_path):
    place = Issues(served, tmp_path / "source")
    place.put("one", "First.")
    place.put("one", "Second.")
    (item,) = [item for page in place.open().pages("") for item in page.items]
    repository, number = place.numbers["one"]
    assert item.changed == datetime.fromisoformat(repository.issues[number]["updated_at"])


def test_files_come_with_what_they_were(served, tmp_path):
    place = Files(served, tmp_path / "source", "code")
    for words in ("First.", "Second.", "Third."):
        place.put("one", words)
    source = github(served, tmp_path / "source", parts=("code",), history=365 * 86_400)
    (item,) = [item for page in source.pages("") for item in page.items]
    first, second = source.past(item, "")
    assert [source.fetch(each) for each in (first, second, item)] == [b"First.", b"Second.", b"Third."]
    assert {each.path for each in (first, second)} == {item.path}
    assert first.changed <= second.changed <= item.changed
    assert source.past(item, second.revision) == []
    plain = place.open()
    (item,) = [item for page in plain.pages("") for item in page.items]
    assert plain.past(item, "") == []


def test_an_issue_has_no_past(served, tmp_path):
    place = Issues(served, tmp_path / "source")
    place.put("one", "First.")
    source = place.open()
    (item,) = [item for page in source.pages("") for item in page.items]
    assert source.past(item, "") == []
