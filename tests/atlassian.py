"""Confluence and Jira sites for tests, and the sources that follow them."""

from base64 import b64encode

from aver.core.clock import SystemClock
from aver.knowledge.sources.confluence import ConfluenceSource
from aver.knowledge.sources.confluence import Options as ConfluenceOptions
from aver.knowledge.sources.jira import JiraSource
from aver.knowledge.sources.jira import Options as JiraOptions
from aver.knowledge.sources.people import People
from aver.knowledge.sources.types import Reach

EMAIL, TOKEN = "reader@example.org", "s3cret"
PEOPLE = People(groups={"staff": "staff"})


def proof(token=TOKEN):
    return "Basic " + b64encode(f"{EMAIL}:{token}".encode()).decode()


def reach(folder, tokens=None, max_bytes=2**20):
    """``tokens``: what the reference ``env:TOKEN`` names, one after the other, the last one for ever."""
    left = list(tokens or [TOKEN])
    return Reach(lambda _: left.pop(0) if len(left) > 1 else left[0], SystemClock(), folder, max_bytes)


def no_wait(_):
    """Tests do not wait."""


def confluence(site, folder, *, name="wiki", tokens=None, max_bytes=2**20, **given):
    options = ConfluenceOptions(site.url, "env:TOKEN", **{"email": EMAIL, "people": PEOPLE, **given})
    return ConfluenceSource(name, options, reach(folder, tokens, max_bytes), no_wait)


def jira(site, folder, *, name="desk", tokens=None, max_bytes=2**20, **given):
    options = JiraOptions(site.url, "env:TOKEN", **{"email": EMAIL, "people": PEOPLE, **given})
    return JiraSource(name, options, reach(folder, tokens, max_bytes), no_wait)
