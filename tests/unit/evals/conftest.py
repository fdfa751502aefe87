"""A small company's pages, of which two say the same and one is for the board."""

from pathlib import Path

import pytest

from aver.knowledge.access import AccessList, AccessRule
from tests.knowledge import MemorySource, World, open_world

PAGES = {
    "leave.md": """# Leave

Unused leave carries over to the next year, up to ten days of it.

## Parental leave

Parental leave is the time that parents take off after a birth. Every parent gets 16 weeks at full pay.

## Study leave

Study leave is agreed with the line manager a month before the course begins.
""",
    "travel.md": """# Travel

The travel card is a card that pays for trains and for taxis. ERR-1042 on the card reader means that it is off.

## Rail journeys

Journeys above two hours are booked in first class, all others in second.
""",
    "copy.md": """# Old travel

The travel card is a card that pays for trains and for taxis.
""",
    "board/pay.md": """# Salary bands

A salary band is the range that a role may be paid within. Senior editors have 3 bands above the entry level.
""",
}


def filled(data: Path) -> World:
    opened = open_world(data)
    rules = AccessRule("**", ("everyone",)), AccessRule("board/**", ("group:board",))
    opened.knowledge.ingest(MemorySource(PAGES), AccessList(rules))
    return opened


@pytest.fixture(scope="module")
def acme(tmp_path_factory) -> World:
    """Its documents stay as they are."""
    return filled(tmp_path_factory.mktemp("acme"))


@pytest.fixture
def changing(tmp_path) -> World:
    return filled(tmp_path / "data")
