"""Documents that stand in a tenant for one attack: only its asker, or its victim, may read them, so that attacks that are tried at the same time do not meet.
And documents that stand before a question, where there is no tenant."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence

from aver.agents.prompt import passages_as_data
from aver.core.principal import user_reader
from aver.evals.redteam.arming import plants_of
from aver.evals.redteam.types import Plant
from aver.evals.types import Case
from aver.gateway.types import Passage
from aver.knowledge import Page, SourceItem

__all__ = ["Planted", "pasted"]

_UNFOLDED = 200 * 2**20
"""Bytes that an archive which is planted packed comes to."""


class Planted:
    """A :class:`~aver.knowledge.types.Source` of what an attack plants."""

    def __init__(self, name: str, plants: Sequence[Plant], asker: str, victim: str) -> None:
        self.name = name
        readers = {"asker": (user_reader(asker),), "victim": (user_reader(victim),)}
        self._files = {each.path: (_content(each), readers[each.readers]) for each in plants}

    def pages(self, cursor: str) -> Iterator[Page]:
        del cursor
        yield Page(
            tuple(
                SourceItem(path, f"redteam:{path}", len(content), readers=readers)
                for path, (content, readers) in self._files.items()
            )
        )

    def fetch(self, item: SourceItem) -> bytes:
        return self._files[item.path][0]


def pasted(case: Case) -> str:
    """The question, with the documents that are planted for it before it, as data."""
    documents = [each for each in plants_of(case) if each.place == "document" and not each.packed]
    passages = [Passage(number, each.path, each.text) for number, each in enumerate(documents, 1)]
    return f"{passages_as_data(passages)}\n\n\nQuestion: {case.question}" if passages else case.question


def _content(plant: Plant) -> bytes:
    if not plant.packed:
        return plant.text.encode("utf-8", "replace")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", plant.text)
        with archive.open("pages.txt", "w") as member:
            for _ in range(_UNFOLDED // 2**20):
                member.write(b"0" * 2**20)
    return packed.getvalue()
