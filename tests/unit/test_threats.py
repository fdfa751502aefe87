"""The page on threats is in line with OWASP's list, and names tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
OWASP = (
    "prompt injection",
    "sensitive information disclosure",
    "excessive agency",
    "supply chain",
    "data and model poisoning",
    "unbounded consumption",
    "misinformation",
    "hidden context exposure",
    "vector and embedding weaknesses",
    "improper output handling",
)
"""The names of 2026, in their order."""
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]
LISTED = [row for row in ROWS if row[0].startswith("LLM")]
NAMED = sorted(set(re.findall(r"`((?:unit|contract|integration|e2e|bench)/[^`]+)`", PAGE)))


def test_every_risk_is_there_in_order_with_what_is_left():
    assert [row[:2] for row in LISTED] == [[f"LLM{n:02}", name] for n, name in enumerate(OWASP, 1)]
    for number, _, against, held, left in LISTED:
        assert against, number
        assert "`" in held, number
        assert left, number


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_as_a_test_is_one(name):
    path, _, function = name.partition("::")
    place = ROOT / path if path.startswith("bench/") else ROOT / "tests" / path
    assert place.exists()
    files = [place] if place.is_file() else sorted(place.rglob("test_*.py"))
    tests = re.findall(r"^(?:async )?def (\w+)\(", "\n".join(each.read_text("utf-8") for each in files), re.MULTILINE)
    assert function in tests if function else tests
