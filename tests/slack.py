"""Slack for tests, and the source that follows it."""

from datetime import UTC, datetime

from aver.knowledge.sources.people import People
from aver.knowledge.sources.slack import Options, SlackSource
from aver.knowledge.sources.types import Reach
from aver.testing.clock import FixedClock

TOKEN = "xoxb-s3cret"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOON = NOW.timestamp()
HOUR, DAY = 3600, 86_400


def no_wait(_):
    """Tests do not wait."""


def slack(served, folder, *, name="talk", secret=lambda _: TOKEN, max_bytes=2**20, clock=None, wait=no_wait, **given):
    options = Options(**{"token": "env:TOKEN", "api": served.api, "people": People(), **given})
    return SlackSource(name, options, Reach(secret, clock or FixedClock(NOW), folder, max_bytes), wait)
