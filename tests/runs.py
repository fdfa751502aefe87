"""Runs made for tests: results with known figures, written as a runner writes them."""

import json
from dataclasses import replace

import numpy as np

from aver.evals.running.file import RunWriter, read_run
from aver.evals.running.responses import Responses
from aver.evals.types import Cited, Response, Result, RunHeader

__all__ = ["HEADER", "case_lines", "made", "results", "told", "write_run"]

HEADER = RunHeader(
    suite="handbook",
    dataset="handbook.jsonl",
    dataset_digest="d" * 64,
    cases=0,
    target="assistant",
    target_digest="a" * 64,
    release="b" * 64,
    scorers={"answers": "c" * 64},
    seed=0,
    repeats=1,
    started="2026-11-27T09:00:00Z",
    software="aver test",
)


def write_run(path, found, *, complete=True, responses=True, **header):
    """A run's file with these results; ``header`` replaces fields of :data:`HEADER`."""
    found = list(found)
    cases = header.pop("cases", len({each.case for each in found}))
    writer = RunWriter.begin(path, replace(HEADER, cases=cases, **header))
    kept = Responses.beside(path) if responses else None
    for each in found:
        key = ""
        if kept is not None and each.response is not None:
            key = f"{path.name}-{each.case}-{each.repeat}"
            kept.add(key, each.response)
        writer.add(each, key)
    if complete:
        writer.end("2026-11-27T09:05:00Z")
    writer.close()
    if kept is not None:
        kept.close()
    return read_run(path)


def results(values, *, measure="right_of_answered", tags=(), clusters=None, **more):
    """A result a value, for cases ``case-0000`` and so on."""
    return [
        Result(
            f"case-{place:04}",
            0,
            {measure: (float(value), 1.0), "of_nothing": (0.0, 0.0)},
            tuple(tags),
            "" if clusters is None else str(clusters[place]),
            **more,
        )
        for place, value in enumerate(values)
    ]


def told(result, text, *citations):
    """The same with a response."""
    cited = tuple(Cited(document, 0, len(quote), quote, title=document) for document, quote in citations)
    return replace(result, response=Response(text=text, citations=cited, supported=(True,)))


def made(share, n, seed=0):
    """``n`` of which exactly this share is right, in an order by ``seed``."""
    values = np.zeros(n)
    values[: round(share * n)] = 1
    return np.random.default_rng(seed).permutation(values)


def case_lines(found, **fields):
    """A set of the cases of these results, as JSON Lines."""
    names = dict.fromkeys(each.case for each in found)
    return "".join(
        json.dumps({"id": name, "question": f"What is said in {name}?", "answers": ["so much"], **fields}) + "\n"
        for name in names
    )
