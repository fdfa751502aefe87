"""GitHub for tests, and the source that follows it."""

from aver.core.clock import SystemClock
from aver.knowledge.sources.github import GithubSource, Options
from aver.knowledge.sources.people import People
from aver.knowledge.sources.types import Reach

TOKEN = "s3cret"
PEOPLE = People(users={"ann": "ann@example.org"}, groups={"staff": "staff"})


def no_wait(_):
    """Tests do not wait."""


def github(served, place, *, name="hub", secret=lambda _: TOKEN, max_bytes=2**20, clock=None, wait=no_wait, **given):
    options = Options(
        **{
            "repositories": ("acme/handbook",),
            "parts": ("issues",),
            "token": "env:TOKEN",
            "api": served.api,
            "people": PEOPLE,
            **given,
        }
    )
    return GithubSource(name, options, Reach(secret, clock or SystemClock(), place, max_bytes), wait)
