"""Two hundred questions over two real handbooks: every citation is exact, every sentence is cited or marked."""

import random
import re
import shutil
from pathlib import Path

import pytest

from aver.core import Principal
from aver.core.settings import Settings
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.server.application import Application
from tests.conftest import shared_data

ASK_ABOUT = (
    "What is {}?",
    "How does {} work?",
    "What does the handbook say about {}?",
    "Who is responsible for {}?",
    "When should I use {}?",
)


def questions(folder: Path, count: int, to: Path) -> list[str]:
    """Questions about headings of the handbook's own pages, the same ones every time. The pages that they are about are put ``to`` a folder, with
    as few others as chance has it: a citation is no more exact among a thousand pages, and embedding them takes minutes."""
    chance = random.Random(folder.name)
    pages = chance.sample(sorted(folder.rglob("*.md")), count * 3 // 2)
    for page in pages:
        place = to / page.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, place)
    headings = [re.findall(r"^#{1,3} +([A-Z][^#\n{}\[\]()|]{3,60})$", page.read_text(), re.MULTILINE) for page in pages]
    topics = [chance.choice(found).strip(" :*?") for found in headings if found]
    assert len(topics) >= count
    return [chance.choice(ASK_ABOUT).format(topic) for topic in topics[:count]]


@pytest.mark.parametrize("handbook", ["handbook-18f/2025-02-27", "handbook-sourcegraph"])
async def test_every_citation_is_exact_and_every_sentence_cited_or_marked(handbook, tmp_path):
    folder = shared_data(handbook)
    asked = questions(folder, 100, tmp_path / "pages")
    application = Application(Settings(data=tmp_path / "data"))
    tenant = application.store.create_tenant("readers")
    services = application.tenant("readers")
    services.knowledge.ingest(FolderSource(tmp_path / "pages", "handbook"), AccessList.everyone())
    reader = Principal(tenant.id, "ann")
    answered = 0
    for question in asked:
        answer = await services.assistant.ask(reader, question)
        assert answer.abstained == (not answer.sentences)
        answered += not answer.abstained
        for citation in answer.citations:
            stored = services.knowledge.document(reader, citation.document, citation.version)
            assert stored.text[citation.start : citation.end] == citation.quote, question
            assert (stored.title, stored.uri) == (citation.title, citation.uri)
        for sentence in answer.sentences:
            assert bool(sentence.citations) == sentence.supported, question
            assert all(0 <= position < len(answer.citations) for position in sentence.citations)
            assert sentence.text in answer.answer
    assert answered >= 50, f"only {answered} of 100 were answered: this says too little about citations"
    assert services.ledger.verify().ok
    application.close()
