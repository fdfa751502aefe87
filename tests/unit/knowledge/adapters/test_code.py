"""Source code: a block for each definition, at its lines, and notebooks cell by cell."""

from __future__ import annotations

import json

import pytest

from aver.core.errors import InvalidInput
from aver.knowledge.parsing import parse

PYTHON = '''"""What this module is for."""

import os

# Why it is so.
@cached
def first(a):
    """Says so."""

    return a


class Second:
    pass
'''


def blocks(text, path="x.py"):
    parsed = parse(text.encode(), path)
    assert all(block.kind == "code" for block in parsed.blocks)
    return [(block.anchor, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_each_definition_is_a_block_with_its_comments_and_lines():
    assert blocks(PYTHON) == [
        ("L1", '"""What this module is for."""'),
        ("L3", "import os"),
        ("L5-L10", '# Why it is so.\n@cached\ndef first(a):\n    """Says so."""\n\n    return a'),
        ("L13-L14", "class Second:\n    pass"),
    ]


def test_a_file_is_called_by_its_name():
    assert parse(PYTHON.encode(), "src/pay_day.py").title == "pay_day.py"


def test_a_long_class_is_cut_at_its_methods_in_any_language():
    method = "    public int m{0}() {{\n" + "        work();\n" * 20 + "    }}\n"
    source = "public class A {\n" + "\n".join(method.format(number) for number in range(4)) + "}\n"
    found = blocks(source, "A.java")
    assert [text.split("\n")[0] for _, text in found] == [
        "public class A {",
        "    public int m1() {",
        "    public int m2() {",
        "    public int m3() {",
    ]
    assert "\n".join(line for _, text in found for line in text.split("\n")) == source.strip().replace("\n\n", "\n")


def test_configuration_without_empty_lines_is_cut_between_keys():
    source = "".join(f"key{number}:\n  - value\n" for number in range(100))
    found = blocks(source, "x.yaml")
    assert len(found) > 5
    assert all(text.startswith("key") for _, text in found)


@pytest.mark.parametrize("path", ["run", "run.txt", "run.unknown"])
def test_a_script_is_known_by_its_first_line(path):
    assert blocks("#!/usr/bin/env python3\nprint(1)\n", path)[0][0] == "L1-L2"


def notebook(*cells):
    return json.dumps({"nbformat": 4, "cells": list(cells)}).encode()


def test_a_notebook_is_its_prose_its_code_and_what_came_out():
    parsed = parse(
        notebook(
            {"cell_type": "markdown", "source": ["# Analysis\n", "Of *ducks*."]},
            {
                "cell_type": "code",
                "source": "count()",
                "outputs": [{"text": ["12\n"]}, {"data": {"text/plain": "done", "image/png": "x"}}],
            },
        ),
        "x.ipynb",
    )
    assert parsed.text == "Analysis\n\nOf ducks.\n\ncount()\n\n12\n\ndone"
    assert [(block.kind, block.anchor) for block in parsed.blocks] == [
        ("heading", "cell 1"),
        ("paragraph", "cell 1"),
        ("code", "cell 2"),
        ("code", "cell 2"),
        ("code", "cell 2"),
    ]


@pytest.mark.parametrize("data", [b"[1]", b"{", b"[" * 100_000])
def test_what_is_no_notebook_says_so(data):
    with pytest.raises(InvalidInput, match="no notebook"):
        parse(data, "x.ipynb")
