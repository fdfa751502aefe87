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


def reach(folder, secret, max_bytes):
    return Reach(secret, SystemClock(), folder, max_bytes)


def no_wait(_):
    """Tests do not wait."""


def add_crew(site):
    """Ann and Ben are staff, Ben and Cas are board; who they are by name."""
    ids = {name: site.add_user(f"{name}@example.org") for name in ("ann", "ben", "cas")}
    ids["staff"] = site.add_group("staff", ids["ann"], ids["ben"])
    ids["board"] = site.add_group("board", ids["ben"], ids["cas"])
    return ids


def confluence(site, folder, *, name="wiki", secret=lambda _: TOKEN, max_bytes=2**20, **given):
    options = ConfluenceOptions(site.url, "env:TOKEN", **{"email": EMAIL, "people": PEOPLE, **given})
    return ConfluenceSource(name, options, reach(folder, secret, max_bytes), no_wait)


def jira(site, folder, *, name="desk", secret=lambda _: TOKEN, max_bytes=2**20, **given):
    options = JiraOptions(site.url, "env:TOKEN", **{"email": EMAIL, "people": PEOPLE, **given})
    return JiraSource(name, options, reach(folder, secret, max_bytes), no_wait)


def proof_of_pat(token=TOKEN):
    """A personal access token needs nobody's address."""
    return f"Bearer {token}"


DATA_CENTER = {"hosting": "data-center", "email": ""}
