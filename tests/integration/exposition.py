"""A strict reader of Prometheus's text exposition format, version 0.0.4, written from its description."""

from __future__ import annotations

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) (?:[^\\\n]|\\\\|\\n)+")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? ([0-9][0-9.]*(?:e[+-]?[0-9]+)?)")
_PARTS = ("_bucket", "_sum", "_count")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\n|\\")*)"(,|$)')

Samples = dict[frozenset[tuple[str, str]], float]


def read(page: str) -> dict[str, Samples]:
    """The samples of each family by their labels. Raises :class:`AssertionError` where the page is not as the format wants it: every
    family in one piece under its HELP and TYPE, no sample twice, counters called so and not negative, buckets of a histogram adding up. The
    parts of a histogram are families of their own here."""
    assert page.endswith("\n")
    families: dict[str, Samples] = {}
    histograms: list[str] = []
    helped, names = "", [""]
    name = ""
    for line in page[:-1].split("\n"):
        if found := _HELP.fullmatch(line):
            helped = found[1]
        elif found := _TYPE.fullmatch(line):
            name = found[1]
            assert name == helped, line
            assert name not in families, f"{name} comes in two pieces"
            assert (found[2] == "counter") == name.endswith("_total"), line
            names = [f"{name}{part}" for part in _PARTS] if found[2] == "histogram" else [name]
            histograms += [name] if found[2] == "histogram" else []
            families |= {each: {} for each in names}
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] in names, f"{line} stands in the family {name}"
            labels = _labels(found[2] or "")
            assert labels not in families[found[1]], f"{line} is told twice"
            families[found[1]][labels] = float(found[3])
    assert all(families.values()), "a family without samples"
    for each in histograms:
        _add_up(*(families[f"{each}{part}"] for part in _PARTS))
    return families


def _add_up(buckets: Samples, sums: Samples, counts: Samples) -> None:
    """Each series has buckets that grow to its count, and a sum."""
    assert sums.keys() == counts.keys()
    for series, count in counts.items():
        mine = {
            float(dict(labels)["le"]): value
            for labels, value in buckets.items()
            if series == labels - {("le", dict(labels)["le"])}
        }
        bounds = sorted(mine)
        assert [mine[bound] for bound in bounds] == sorted(mine.values()), series
        assert (bounds[-1], mine[bounds[-1]]) == (float("inf"), count), series


def _labels(text: str) -> frozenset[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        label = _LABEL.match(text, at)
        assert label, text
        value = re.sub(r"\\(.)", lambda escape: {"n": "\n"}.get(escape[1], escape[1]), label[2])
        found.append((label[1], value))
        at = label.end()
    assert len({name for name, _ in found}) == len(found), text
    return frozenset(found)
