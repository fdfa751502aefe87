"""How sources stand is told to those who keep them, and of it to others what concerns what they may read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from aver.core import ADMIN, Principal
from aver.core.errors import NotFound
from aver.knowledge import AccessList, Page
from aver.knowledge.sources import Sources, parse_sources
from tests.knowledge import MemorySource, open_world

RULES = "[{match: '**', readers: [everyone]}, {match: 'hr/**', readers: ['group:hr', 'user:eve']}, {match: 'draft.md', readers: []}]"


@pytest.fixture
def world(tmp_path):
    return open_world(tmp_path / "data")


@pytest.fixture
def following(world, tmp_path):
    pages, secret = tmp_path / "pages", tmp_path / "secret"
    (pages / "hr").mkdir(parents=True)
    secret.mkdir()
    for name, text in {
        "leave.md": "# Leave\n\nToo short",
        "draft.md": "# Draft\n\nToo short",
        "hr/pay.md": "# Pay\n\nShort",
        "empty.md": "",
    }.items():
        (pages / name).write_text(text)
    (secret / "plan.md").write_text("# Plan\n\nNobody knows of this plan but those who were told of it.")
    following = Sources(world.store, world.ledger, world.knowledge, world.clock, lambda _: "", 2**20)
    following.declare(
        parse_sources(
            f"sources: {{pages: {{kind: folder, path: '{pages}', every: 10m, access: {RULES}}}, "
            f"secret: {{kind: folder, path: '{secret}', access: [{{match: '**', readers: ['user:eve']}}]}}}}",
            "s.yaml",
        )
    )
    for name in ("pages", "secret"):
        following.follow(name)
    return following


def keeper(world):
    return Principal(world.store.tenant.id, "ann", roles=frozenset({ADMIN}))


def test_a_keeper_sees_all(world, following):
    pages, secret = following.overviews(keeper(world))
    assert (pages.name, secret.name) == ("pages", "secret")
    assert pages.whole
    assert (pages.documents, pages.every, pages.lag) == (3, 600, 0)
    assert (pages.readership.everyone, pages.readership.named, pages.readership.nobody) == (1, 1, 1)
    assert pages.readership.readers == {"group:hr": 1, "user:eve": 1}
    assert [failure.path for failure in pages.report.failed] == ["empty.md"]
    assert pages.quality.counts == {"short": 3}
    world.clock.advance(1300)
    assert following.overview(keeper(world), "pages").lag == 1300
    assert following.overview(keeper(world), "pages").is_late
    assert not secret.is_late


def test_others_see_what_concerns_what_they_may_read(world, following):
    (pages,) = following.overviews(world.user("bob"))
    assert (pages.name, pages.documents, pages.whole) == ("pages", 1, False)
    assert pages.report is pages.readership is pages.problem is None
    assert [finding.path for finding in pages.quality.findings] == ["leave.md"]
    assert pages.quality.documents == 1
    assert following.overview(world.user("cleo", "hr"), "pages").documents == 2


def test_a_source_of_which_one_may_read_nothing_is_as_absent(world, following):
    said = []
    for name in ("secret", "nowhere"):
        with pytest.raises(NotFound) as refused:
            following.overview(world.user("bob"), name)
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert following.overview(world.user("eve"), "secret").documents == 1
    with pytest.raises(NotFound):
        following.overview(keeper(world), "nowhere")


def test_quality_is_of_the_documents_there_are_now(world, following, tmp_path):
    (tmp_path / "pages" / "leave.md").write_text(
        "# Leave\n\nTwenty days of leave a year, of which ten carry over to the next one."
    )
    (tmp_path / "pages" / "draft.md").unlink()
    following.follow("pages")
    quality = following.overview(keeper(world), "pages").quality
    assert (quality.documents, [finding.path for finding in quality.findings]) == (2, ["hr/pay.md"])


def test_stale_counts_from_when_the_source_says_that_it_changed(world, following):
    day = timedelta(days=1)

    class Dated(MemorySource):
        def pages(self, cursor):
            for page in super().pages(cursor):
                yield Page(tuple(replace(each, changed=changed.get(each.path)) for each in page.items))

    now = world.clock.now()
    changed = {"old.md": now - 400 * day, "new.md": now - 10 * day}
    files = {
        f"{name}.md": f"# {name}\n\nThe {name} page says what there is to say of it." for name in ("old", "new", "none")
    }
    world.knowledge.ingest(Dated(files), AccessList.everyone())

    def stale():
        found = following.overview(keeper(world), "memory").quality.findings
        return [(each.path, each.detail) for each in found if each.check == "stale"]

    assert stale() == [("old.md", "not changed for 400 days")]
    world.clock.advance(356 * 86_400)
    assert stale() == [("old.md", "not changed for 756 days"), ("new.md", "not changed for 366 days")]
    world.knowledge.ingest(Dated({**files, "old.md": "# old\n\nIt says something else now."}), AccessList.everyone())
    assert [path for path, _ in stale()] == ["old.md", "new.md"]  # the source says that this is old too
