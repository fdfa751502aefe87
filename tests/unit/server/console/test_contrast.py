"""Every pair of colours that text is set in reads well in both themes (WCAG 2.2, success criteria 1.4.3 and 1.4.11)."""

import re
from itertools import product
from pathlib import Path

import pytest

from aver.server.console import assets

CSS = (Path(assets.__file__).parent / "static" / "console.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
GROUNDS = ("paper", "raised")
WORDS = ("ink", "muted", "accent", "pass", "flag", "block", "undecided")
TEXT = [*product(WORDS, GROUNDS), ("ink", "highlight"), ("paper", "accent"), ("paper", "flag"), ("paper", "block")]
SHAPES = [*product(("muted", "accent"), GROUNDS)]
"""Borders of fields and the ring of the focus: what tells a control from its ground."""


def luminance(colour):
    """Relative luminance of sRGB, after https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground"), TEXT)
def test_text_stands_out(theme, front, ground):
    assert contrast(theme[front], theme[ground]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground"), SHAPES)
def test_controls_stand_out(theme, front, ground):
    assert contrast(theme[front], theme[ground]) >= 3


def test_the_measure_itself():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_both_themes_name_the_same_colours_and_nothing_is_coloured_besides():
    assert LIGHT.keys() == DARK.keys() == {"line", "highlight", *GROUNDS, *WORDS}
    rules = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s])", rules)
