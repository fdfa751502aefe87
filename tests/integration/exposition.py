"""A strict reader of Prometheus's text exposition format, version 0.0.4, written from its description."""

from __future__ import annotations

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) (?:[^\\\n]|\\\\|\\n)+")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? ([0-9][0-9.]*(?:e[+-]?[0-9]+)?)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\n|\\")*)"(,|$)')

Samples = dict[frozenset[tuple[str, str]], float]


def read(page: str) -> dict[str, Samples]:
    """The samples of each family by their labels. Raises :class:`AssertionError` where the page is not as the format wants it: every
    family in one piece under its HELP and TYPE, no sample twice, counters called so and not negative."""
    assert page.endswith("\n")
    families: dict[str, Samples] = {}
    helped = name = ""
    for line in page[:-1].split("\n"):
        if found := _HELP.fullmatch(line):
            helped = found[1]
        elif found := _TYPE.fullmatch(line):
            name = found[1]
            assert name == helped, line
            assert name not in families, f"{name} comes in two pieces"
            assert found[2] == "gauge" or name.endswith("_total"), line
            families[name] = {}
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] == name, f"{line} stands in the family {name}"
            labels = _labels(found[2] or "")
            assert labels not in families[name], f"{line} is told twice"
            families[name][labels] = float(found[3])
    assert all(families.values()), "a family without samples"
    return families


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
