"""Four dated snapshots of a real handbook, ingested in order: what is reported is what ``diff -rq`` shows."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aver.core import Principal
from aver.core.settings import Settings
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.server.application import Application
from aver.testing import HashEmbedder
from tests.conftest import shared_data

SNAPSHOTS = ("2022-02-11", "2023-06-12", "2024-09-03", "2025-02-27")


@pytest.fixture(scope="module")
def snapshots() -> list[Path]:
    folder = shared_data("handbook-18f")
    return [folder / date for date in SNAPSHOTS]


@pytest.fixture
def services(tmp_path):
    application = Application(Settings(data=tmp_path / "data"), embedder=HashEmbedder())
    application.store.create_tenant("gsa")
    yield application.tenant("gsa")
    application.close()


def difference(old: Path, new: Path) -> tuple[set[str], set[str], set[str]]:
    """Paths added, changed and deleted between two folders, as ``diff`` tells them."""
    told = subprocess.run(["diff", "-rqN", str(old), str(new)], capture_output=True, text=True, check=False).stdout
    paths = [str(Path(path).relative_to(new)) for path in re.findall(r"^Files .* and (.*) differ$", told, re.MULTILINE)]
    added = {path for path in paths if not (old / path).exists()}
    deleted = {path for path in paths if not (new / path).exists()}
    return added, set(paths) - added - deleted, deleted


async def ask(services, question, conversation=None):
    return await services.assistant.ask(Principal(services.store.tenant.id, "ann"), question, conversation)


async def test_snapshots_report_what_diff_shows_and_forget_what_is_deleted(services, snapshots, tmp_path):
    reader = Principal(services.store.tenant.id, "ann")
    # One place that is brought to each date in turn, as a synchronised folder would be.
    place = tmp_path / "handbook"
    empty = tmp_path / "empty"
    empty.mkdir()
    shown_once = 0
    for old, new in zip([empty, *snapshots], snapshots, strict=False):
        added, changed, deleted = difference(old, new)
        titles = {Path(document.uri).name: document for document in services.knowledge.documents(reader)}
        doomed = {
            document.id: document for document in titles.values() if document.uri.split("/handbook/")[1] in deleted
        }
        asked = {}
        for identity, document in list(doomed.items())[:12]:
            answer = await ask(services, f"What does the handbook say about {document.title}?")
            if identity in {citation.document for citation in answer.citations}:
                asked[identity] = answer
        shown_once += len(asked)

        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(new, place)
        report = services.knowledge.ingest(FolderSource(place, "handbook"), AccessList.everyone())
        assert (report.added, report.changed, report.deleted) == (len(added), len(changed), len(deleted))
        assert not report.failed
        files = {str(path.relative_to(new)) for path in new.rglob("*") if path.is_file()}
        assert report.unchanged == len(files) - len(added) - len(changed)

        documents = services.knowledge.documents(reader)
        assert {document.uri.split("/handbook/")[1] for document in documents} == files
        for identity, document in doomed.items():
            found = services.knowledge.search(reader, document.title, limit=20)
            assert identity not in {hit.document for hit in found}
        for identity, before in asked.items():
            gone = doomed[identity]
            fresh = await ask(services, f"What does the handbook say about {gone.title}?")
            follow_up = await ask(services, "And what else does it say?", before.conversation)
            for answer in (fresh, follow_up):
                assert identity not in {item.document for item in (*answer.citations, *answer.looked_at)}
            told_again = repr(services.assistant.conversation(reader, before.conversation))
            assert identity not in told_again
        assert services.knowledge.check() == []
    assert shown_once > 5, "too few answers cited a page before its deletion for this test to mean anything"
    assert services.ledger.verify().ok
