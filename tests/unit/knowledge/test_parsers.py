"""Parsers in processes: what one document does costs that document alone."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from aver.core.errors import InvalidInput, MissingExtra, TooLarge, Unavailable
from aver.core.settings import ParserSettings
from aver.knowledge.parsers import Parsers
from aver.knowledge.parsing import UnsupportedFormat, parse
from tests.unit.knowledge.adapters.building import W, docx, pdf, zipped

GOOD = b"# Leave\n\nThirty days.\n\n| Grade | Days |\n| --- | --- |\n| A | 30 |\n"


@pytest.fixture(scope="module")
def misbehaving():
    with Parsers(ParserSettings(seconds=60, memory_mb=768, processes=1), "tests.unit.knowledge.misbehaving") as parsers:
        yield parsers


@pytest.fixture(scope="module")
def hurried():
    with Parsers(ParserSettings(seconds=3, memory_mb=768, processes=1), "tests.unit.knowledge.misbehaving") as parsers:
        yield parsers


@pytest.fixture(scope="module")
def parsers():
    with Parsers(ParserSettings(seconds=20, memory_mb=768, processes=2)) as parsers:
        yield parsers


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (GOOD, "leave.md"),
        (pdf([[(72, 700, 24, "Leave"), (72, 600, 12, "Thirty days.")]]), "leave.pdf"),
        (docx("<w:p><w:r><w:t>A word.</w:t></w:r></w:p>"), "a.docx"),
    ],
)
def test_a_process_reads_what_the_function_reads(parsers, data, path):
    assert parsers.parse(data, path) == parse(data, path)


@pytest.mark.parametrize(
    ("word", "error", "says"),
    [
        (b"CRASH", InvalidInput, "makes its parser crash .within 768 MB of memory and 60 seconds"),
        (b"EXIT", InvalidInput, "crash"),
        (b"RAISE", InvalidInput, "RuntimeError: told to"),
        (b"EXTRA", MissingExtra, "something is not installed"),
        (b"GROW", TooLarge, "more than the 768 MB"),
        (b"OUTSIDE", InvalidInput, "nonsense"),
        (b"", InvalidInput, "empty"),
    ],
)
def test_whatever_happens_is_a_typed_error_and_the_next_document_is_read(misbehaving, word, error, says):
    with pytest.raises(InvalidInput if error is not MissingExtra else MissingExtra, match=says) as caught:
        misbehaving.parse(word, "bad.md")
    assert type(caught.value) is error
    assert caught.value.next_step
    assert misbehaving.parse(GOOD, "leave.md").title == "Leave"


@pytest.mark.parametrize("word", [b"SPIN", b"SLEEP"])
def test_one_that_does_not_end_is_stopped_and_the_next_document_is_read(hurried, word):
    with pytest.raises(TooLarge, match="more than the 3 seconds"):
        hurried.parse(word, "bad.md")
    assert hurried.parse(GOOD, "leave.md").title == "Leave"


def test_what_a_library_prints_does_not_reach_the_reply(misbehaving):
    assert misbehaving.parse(b"PRINT", "a.md").text == "PRINT"


def test_a_process_lives_on_and_does_not_see_secrets(misbehaving, monkeypatch):
    misbehaving.parse(GOOD, "leave.md")
    monkeypatch.setenv("AVER_MODEL_KEY", "sk-secret")
    with Parsers(ParserSettings(processes=1), "tests.unit.knowledge.misbehaving") as fresh:
        first, second = fresh.parse(b"WHO", "a.md"), fresh.parse(b"WHO", "a.md")
    assert first == second
    assert "AVER_MODEL_KEY" not in first.text
    assert "PATH" in first.text


def test_a_format_that_is_not_read_stays_told_apart(parsers):
    with pytest.raises(UnsupportedFormat):
        parsers.parse(b"\x7fELF" + bytes(100), "a.bin")


def test_many_threads_share_few_processes(parsers):
    pages = [f"# Page {number}\n\nText {number}.".encode() for number in range(100)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda page: parsers.parse(page, "a.md").title, pages))
    assert found == [f"Page {number}" for number in range(100)]
    assert len(parsers._all) <= 2


def test_a_process_that_is_killed_from_outside_is_replaced(parsers):
    parsers.parse(GOOD, "leave.md")
    for process in list(parsers._all):
        os.kill(process._process.pid, signal.SIGKILL)
        process._process.wait()
    for _ in range(4):
        assert parsers.parse(GOOD, "leave.md").title == "Leave"


def test_one_that_held_much_ends_and_costs_the_next_document_nothing(misbehaving):
    before = misbehaving.parse(b"WHO", "a.md")
    assert misbehaving.parse(b"HOLD", "a.md").title == "HOLD"
    after = misbehaving.parse(b"WHO", "a.md")
    assert after != before
    assert misbehaving.parse(b"WHO", "a.md") == after


def test_what_the_parent_holds_does_not_count():
    ballast = b"x" * (450 * 2**20)
    with Parsers(ParserSettings(memory_mb=768, processes=1), "tests.unit.knowledge.misbehaving") as parsers:
        assert parsers.parse(b"WHO", "a.md") == parsers.parse(b"WHO", "a.md")
    assert ballast


def test_closing_ends_what_is_being_read_and_starts_nothing_more():
    parsers = Parsers(ParserSettings(seconds=60, processes=1), "tests.unit.knowledge.misbehaving")
    errors = []

    def read():
        try:
            parsers.parse(b"SLEEP", "a.md")
        except InvalidInput as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not any(process._is_ready for process in parsers._all):
        time.sleep(0.01)
    parsers.close()
    thread.join()
    assert len(errors) == 1
    with pytest.raises(Unavailable, match="closed"):
        parsers.parse(GOOD, "leave.md")


def test_a_parser_that_does_not_start_says_so(capfd):
    parsers = Parsers(ParserSettings(processes=1), "tests.there_is_no_such_parser")
    with parsers, pytest.raises(Unavailable, match="does not start"):
        parsers.parse(GOOD, "leave.md")
    assert "ModuleNotFoundError" in capfd.readouterr().err


NESTED = "<html><body>" + "<div>" * 200_000
BOMB = docx("<w:p><w:r><w:t>" + "A" * (80 * 2**20) + "</w:t></w:r></w:p>")
DEEP = docx("<w:p>" + "<w:r>" * 100_000 + "</w:r>" * 100_000 + "</w:p>")
ENTITIES = docx(
    "<w:p><w:r><w:t>&b;</w:t></w:r></w:p>",
    prolog='<!DOCTYPE a [<!ENTITY a "' + "A" * 1000 + '"><!ENTITY b "' + "&a;" * 1000 + '">]>',
)


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        (BOMB, "bomb.docx", "more than 64 MB"),
        (DEEP, "deep.docx", "nested too deeply"),
        (ENTITIES, "entities.docx", "entities"),
        (NESTED.encode(), "deep.html", "nested more than"),
        (
            docx("", namespace=W).replace(b"word/document.xml", b"word/document.xmm"),
            "a.docx",
            "no Word document|damaged",
        ),
        (zipped({"word/document.xml": b"\0" * 100}), "a.docx", "damaged|no Word document"),
    ],
)
def test_bombs_cost_one_document(parsers, data, path, says):
    with pytest.raises(InvalidInput, match=says):
        parsers.parse(data, path)
    assert parsers.parse(GOOD, "leave.md").title == "Leave"
