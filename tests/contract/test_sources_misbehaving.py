"""Every kind of source that is reached over HTTP, followed into a tenant while its far side does wrong: it ends soon, says what is wrong,
loses nothing that was known, and afterwards all is as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

import pytest

from aver.core.clock import SystemClock
from aver.core.errors import AverError
from aver.knowledge import listing
from aver.knowledge.sources import answers
from aver.knowledge.sources.types import Reach
from aver.knowledge.sources.web import Options, WebSource
from aver.testing.fakes.sources.azure import FakeBlobs
from aver.testing.fakes.sources.gcs import FakeBuckets
from aver.testing.fakes.sources.github import FakeGithub
from aver.testing.fakes.sources.serving import Answer
from aver.testing.fakes.sources.slack import FakeSlack
from aver.testing.fakes.sources.web import Site
from aver.testing.sources import Place
from tests.contract import test_sources_confluence as wikis
from tests.contract import test_sources_jira as desks
from tests.contract.test_sources_github import Issues
from tests.contract.test_sources_slack import Talk
from tests.contract.test_sources_web import Linked
from tests.github import TOKEN as GITHUB_TOKEN
from tests.knowledge import World, open_world
from tests.object_stores import S3, AzurePlace, GcsPlace, S3Place
from tests.slack import TOKEN as SLACK_TOKEN

PAGES = 12
"""Documents, of which a listing shows some at once."""
MOST_ASKED = 1500

Meddle = Callable[[int, Callable[[], Answer], Answer], Answer | None]
"""What is answered to the request of a number, from 0, given what would have been, and how the service refuses a proof; ``None`` for the
first."""


@dataclass
class Far:
    """The far side of a source, which a tenant has followed once while all was well."""

    place: Place
    served: Any
    world: World
    asked: list[Any] = field(default_factory=list)

    def path_of(self, number: int) -> str:
        """Of the request of this number, its query left out."""
        request = self.asked[number]
        return request["PATH_INFO"] if isinstance(request, dict) else request.path

    def documents(self) -> dict[str, tuple[int, str]]:
        knowledge, ann = self.world.knowledge, self.world.user("ann@example.org", "staff")
        found = (knowledge.document(ann, each.id) for each in knowledge.documents(ann))
        return {each.document: (each.version, each.text) for each in found}

    def follow(self):
        return self.world.knowledge.ingest(self.place.open())

    @contextmanager
    def meddled(self, meddle: Meddle):
        """Within this block; gives what was asked meanwhile."""
        asked = self.asked = []

        def answered(request: Any) -> Any:
            asked.append(request)
            if isinstance(self.served, S3):
                return _to_s3(meddle(len(asked) - 1, lambda: _of_s3(*self.served.answer(request)), EXPIRED))
            refused = self.served.refusal(request)
            known = not self.served.proofs or request.headers.get("authorization") in self.served.proofs
            return meddle(len(asked) - 1, lambda: self.served.answer(request) if known else refused, refused)

        self.served.meddle = answered
        try:
            yield asked
        finally:
            self.served.meddle = lambda _: None


EXPIRED = Answer(b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>", 400)


def _of_s3(status: str, headers: dict[str, str], body: bytes) -> Answer:
    return Answer(body, int(status[:3]), {name: each for name, each in headers.items() if name != "Content-Length"})


def _to_s3(answer: Answer | None) -> Any:
    if answer is None:
        return None
    body, _ = answer.body()
    length = {"Content-Length": str(len(body))}
    sent = body[: len(body) // 2] if answer.cut else body
    return f"{answer.status} {HTTPStatus(answer.status).phrase}", {**answer.headers, **length}, sent


def _wiki(folder, hosting="cloud"):
    fake, accepted, given = wikis.HOSTINGS[hosting]
    site = fake()
    site.proofs, site.page = {accepted}, 5
    return site, lambda: wikis.Wiki(site, folder, **given)


def _desk(folder, hosting="cloud"):
    fake, accepted, place, given = desks.HOSTINGS[hosting]
    site = fake()
    site.proofs, site.page = {accepted}, 5
    return site, lambda: place(site, folder, **given)


def _issues(folder):
    hub = FakeGithub(folder / "hub")
    hub.accept(GITHUB_TOKEN)
    hub.page = 5

    def place():
        made = Issues(hub, folder / "source")
        made.repositories[0].collaborators = [{"login": "ann", "permissions": {"pull": True}}]
        return made

    return hub, place


def _talk(folder):
    served = FakeSlack()
    served.proofs, served.page = {f"Bearer {SLACK_TOKEN}"}, 5

    class Heard(Talk):
        def put(self, name, words):
            super().put(name, words)
            self.places[name][0].members[:] = [self.ann]

    return served, lambda: Heard(served, folder, threaded=False)


def _site(folder):
    served = Site()
    served.proofs = {"s3cret"}

    class Proven(Linked):
        def open(self):
            reach = Reach(lambda _: "s3cret", SystemClock(), self.folder, 2**20)
            options = Options(self.site.url, delay=0, headers={"Authorization": "env:WIKI"})
            return WebSource("site", options, reach, wait=lambda _: None)

    return served, lambda: Proven(served, folder)


KINDS = {
    "azure": lambda _: (fake := FakeBlobs(), lambda: AzurePlace(fake)),
    "confluence": _wiki,
    "confluence of a data center": lambda folder: _wiki(folder, "data-center"),
    "gcs": lambda _: (fake := FakeBuckets(), lambda: GcsPlace(fake)),
    "github": _issues,
    "jira": _desk,
    "jira of a data center": lambda folder: _desk(folder, "data-center"),
    "s3": lambda _: (server := S3(), lambda: S3Place(server)),
    "slack": _talk,
    "web": _site,
}


@pytest.fixture(scope="module", params=KINDS)
def far(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    served, make = KINDS[request.param](folder)
    with served:
        place = make()
        for number in range(PAGES):
            place.put(f"page-{number}", f"The word of this page is zebra{number:03}.")
        far = Far(place, served, open_world(folder / "data"))
        assert far.follow().added == PAGES
        yield far


def suffers(far: Far, meddle: Meddle) -> str:
    """What is said of it while ``meddle`` answers. Nothing is lost by it, and afterwards there is nothing to mend."""
    before = far.documents()
    assert len(before) == PAGES
    said = ""
    with far.meddled(meddle) as asked:
        try:
            report = far.follow()
            assert report.complete or report.failed
            said = " ".join(f"{each.path}: {each.error}" for each in report.failed)
        except AverError as error:
            assert error.next_step, "it says what to do"  # noqa: PT017 - not to raise is as good
            said = str(error)
    assert asked
    assert len(asked) < MOST_ASKED
    assert far.documents() == before
    after = far.follow()
    assert (after.unchanged, after.failed, after.complete) == (PAGES, (), True)
    return said


def test_throttling_without_end(far):
    assert "too often" in suffers(far, lambda *_: Answer(b"", 429, {"Retry-After": "1"}))


def test_throttling_that_begins_on_the_way_and_names_days(far):
    assert "too often" in suffers(far, lambda n, *_: Answer(b"", 429, {"Retry-After": "86400"}) if n else None)


def test_a_token_that_expires_on_the_way(far):
    with far.meddled(lambda *_: None) as asked:
        far.follow()
    for first in {1, len(asked) // 2, len(asked) - 1}:
        assert suffers(far, lambda n, _, refusal, first=first: refusal if n >= first else None)


@pytest.mark.parametrize("status", [301, 400, 404, 418, 500, 503])
def test_a_far_side_that_says_one_thing_to_everything(far, status):
    assert suffers(far, lambda *_: Answer(b"No.", status))


NO_ANSWERS = {
    "nothing": b"",
    "a page": b"<!doctype html><title>Sign in</title><p>Please sign in to go on.</p>",
    "half of one": b'{"results": [',
    "no text": b'{"a": "\xff\xfe"}',
    "a tower": b"[" * 100_000,
    "null": b"null",
    "a list": b"[]",
    "a record": b"{}",
    "a number": b"5",
}


TYPES = [(body, "application/json") for body in NO_ANSWERS]
TYPES += [("a page", "text/html"), ("a page", "image/png")]


@pytest.mark.parametrize(("body", "kind"), TYPES)
def test_what_is_no_answer_is_not_taken_for_an_empty_one(far, body, kind):
    assert suffers(far, lambda *_: Answer(NO_ANSWERS[body], 200, {"Content-Type": kind}))


def test_answers_that_break_off(far):
    assert suffers(far, lambda _n, real, _: replace(real(), cut=True))


def test_answers_of_another_type_than_they_say(far):
    def another(_n, real, _):
        answer = real()
        return replace(answer, headers={**answer.headers, "Content-Type": "application/x-unheard-of"})

    suffers(far, another)


TOKENS = (
    re.compile(rb'("(?:nextPageToken|next_cursor)": ")([^"]+)'),
    re.compile(rb'([?&]cursor=)([^"&]+)'),
    re.compile(rb"(<(?:NextMarker|NextContinuationToken)>)([^<]+)"),
)
"""Where answers say how the next page is asked for."""


@pytest.mark.parametrize("following", ["the same", "new ones"])
def test_a_listing_that_never_ends(far, following, monkeypatch):
    """Its second page is its first again, with a mark that was there before, or one that was not."""
    monkeypatch.setattr(answers, "_BARREN", 20)
    monkeypatch.setattr(listing, "_BARREN", 20)
    first: dict[str, Answer] = {}

    def endless(n, real, _):
        path = far.path_of(n)
        if path not in first:
            answer = real()
            first[path] = replace(
                answer, content=answer.body()[0], headers={"Content-Type": answer.body()[1], **answer.headers}
            )
        answer = first[path]
        if following == "new ones":
            for token in TOKENS:
                answer = replace(answer, content=token.sub(rb"\g<1>%d\g<2>" % n, answer.content))
            if "Link" in answer.headers:
                link = re.sub(r"([?&]page=)(\d+)", rf"\g<1>{n + 100}", answer.headers["Link"])
                answer = replace(answer, headers={**answer.headers, "Link": link})
        return answer

    said = suffers(far, endless)
    assert said or isinstance(far.served, Site)  # which has no pages of a listing


ABSURD = (
    "../../etc/passwd",
    "x" * 10_000,
    "a\0b",
    "\u202efdp.exe",
    "",
    "раy",
    "\ud800",
    10**30,
    -1,
    1e308,
    True,
    None,
    [],
    {},
)
NAMES = (
    ("id", "key", "number", "ts"),
    ("name", "title", "user", "login"),
    ("webui", "html_url", "url"),
    ("updated_at", "updated", "size", "version"),
)
"""Of what answers say in JSON."""
XML_NAMES = re.compile(rb"(<(?:Name|Key|Etag|ETag|Content-Length|Size|Last-Modified|LastModified)>)[^<]*")


def absurd(told: Any, names: Collection[str], value: Any) -> Any:
    """``told`` with every value of these names replaced."""
    if isinstance(told, list):
        return [absurd(each, names, value) for each in told]
    if isinstance(told, dict):
        return {key: value if key in names else absurd(each, names, value) for key, each in told.items()}
    return told


@pytest.mark.parametrize("value", ABSURD, ids=lambda value: ascii(value)[:20])
def test_absurd_values_lead_nowhere_and_open_nothing(far, value):
    """Each is contained where it is met: as an error, or as an item that is refused, or whose path is as harmless as any."""
    named = {reader for item in listing.listed(far.place.open(), "").items for reader in item.readers or ()}
    for names in NAMES:

        def meddled(_n, real, _, names=names):
            answer = real()
            if not isinstance(answer.content, bytes):
                return replace(answer, content=absurd(answer.content, names, value))
            said = escape(str(value)).encode("utf-8", "replace")
            return replace(answer, content=XML_NAMES.sub(lambda found: found[1] + said, answer.content))

        with far.meddled(meddled), suppress(AverError):
            source = far.place.open()
            for item in listing.listed(source, "").items:
                assert not {"", ".", ".."} & set(item.path.split("/"))
                assert len(item.path) <= 4096
                assert "\0" not in item.path + item.uri + item.revision
                others = set(item.readers or ()) - named
                assert all(each.startswith(f"group:{source.name}/") for each in others), "a group is called so there"
        if isinstance(far.served, S3 | FakeBlobs | Site):
            return  # which have no such names
    assert far.follow().unchanged == PAGES
