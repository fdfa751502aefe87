"""Objects as documents: their paths, what is chosen of them, and how long a listing may go on."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aver.core.errors import SettingsError, SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.sources import objects, parse_sources
from aver.knowledge.sources.azure import shared_key
from aver.knowledge.sources.declaration import options_of
from aver.knowledge.sources.objects import ObjectSource, Selection, Stored, key_of, path_of
from aver.knowledge.sources.registry import kind_of
from aver.knowledge.sources.types import Reach
from aver.testing import FixedClock

SEGMENTS = st.sampled_from(["", ".", "..", "...", "a", "%2F", "%", "%2E", "\\", "\x00", "ä", "a b", "\u202e", ".a"])
ODD = st.lists(SEGMENTS, min_size=1, max_size=6).map("/".join)
KEYS = ODD | st.text(max_size=30)


@given(KEYS)
@example("a//b")
@example("a/%2Fb")
@example("//")
@example("/..")
def test_a_path_leads_nowhere_and_gives_the_key_back(key):
    path = path_of(key)
    assert key_of(path) == key
    segments = path.split("/")
    assert path == "" or "" not in segments
    assert not {".", ".."} & set(segments)
    assert not any(ord(letter) < 32 for letter in path)


@given(KEYS, KEYS)
def test_two_keys_share_no_path(one, other):
    assert (one == other) == (path_of(one) == path_of(other))


def test_an_ordinary_key_is_its_own_path():
    for key in ("hr/pay.md", "hr/Löhne & Gehälter (2026).md", "日本/メモ.txt", ".hidden/..a/b..", "a+b=c"):
        assert path_of(key) == key


class Pages:
    """A store that lists these pages, then goes on from any mark as told."""

    def __init__(self, *pages, forever=False):
        self.pages = pages
        self.forever = forever
        self.asked = 0

    def page(self, prefix, after):
        number = int(after or 0)
        self.asked += 1
        keys = self.pages[number % len(self.pages)]
        last = number + 1 == len(self.pages) and not self.forever
        return tuple(Stored(key, size, "1") for key, size in keys), "" if last else str(number + 1)

    def content(self, key, revision, most):
        return key.encode()

    def address(self, key):
        return f"store:{key}"


def source(store, most=100, **selection):
    reach = Reach(lambda _: "", FixedClock(), Path("/nowhere"), most)
    return ObjectSource("bucket", Selection(**selection), reach, store)


def paths(*keys, **selection):
    store = Pages([key if isinstance(key, tuple) else (key, 1) for key in keys])
    return [item.path for item in listed(source(store, **selection), "").items]


def test_patterns_are_those_of_access_lists():
    keys = ("hr/a.md", "hr/b.txt", "hr/old/c.md", "d.md")
    assert paths(*keys, include=("hr/**",)) == ["hr/a.md", "hr/b.txt", "hr/old/c.md"]
    assert paths(*keys, include=("hr",), exclude=("*.txt",)) == ["hr/a.md", "hr/old/c.md"]
    assert paths(*keys, include=("*.md", "*.txt"), exclude=("hr/old/", "d.md")) == ["hr/a.md", "hr/b.txt"]
    assert paths(*keys, exclude=("**",)) == []


def test_a_store_that_does_not_heed_the_prefix_lists_nothing_else():
    assert paths("hr/a.md", "it/a.md", prefix="hr/") == ["hr/a.md"]


def test_the_mark_of_a_folder_is_no_document():
    assert paths(("hr/", 0), ("it/", 3), ("", 4), ("a.md", 0)) == ["it%2F", "a.md"]


def test_an_object_that_is_too_large_is_not_asked_for():
    held = source(Pages([("a.md", 101)]))
    (item,) = listed(held, "").items
    with pytest.raises(TooLarge):
        held.fetch(item)


def test_pages_of_which_nothing_is_chosen_are_no_circle():
    pages = [[(f"{number}.png", 1)] for number in range(3000)] + [[("a.md", 1)]]
    assert len(listed(source(Pages(*pages), include=("*.md",)), "").items) == 1


def test_a_listing_that_never_ends_is_ended(monkeypatch):
    with pytest.raises(Unavailable, match="again and again"):
        listed(source(Pages([("a.md", 1)], forever=True)), "")
    with pytest.raises(Unavailable, match="again and again"):
        listed(source(Pages([], forever=True)), "")
    monkeypatch.setattr(objects, "_MOST", 500)
    store = Pages([("a.png", 1)], forever=True)
    with pytest.raises(TooLarge, match="more than 500 objects"):
        listed(source(store, include=("*.md",)), "")
    assert store.asked == 501


def test_the_declaration_of_the_documentation_is_one():
    page = Path(__file__).resolve().parents[4] / "docs" / "sources-objects.md"
    (example,) = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert [found.kind for found in parse_sources(example, "docs")] == ["s3", "azure", "gcs"]


def declared(text):
    (found,) = parse_sources(f"sources: {{files: {{{text}}}}}", "s.yaml")
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: s3", "'bucket'"),
        ("kind: s3, bucket: b/c", "a bucket's name"),
        ("kind: s3, bucket: docs, key_id: env:A", "go together"),
        ("kind: s3, bucket: docs, session_token: env:A", "go together"),
        ("kind: s3, bucket: docs, profile: a, anonymous: true", "exclude each other"),
        ("kind: s3, bucket: docs, addressing: hosts", "way of addressing"),
        ("kind: s3, bucket: a.b, addressing: virtual, endpoint: https://s.example.org", "certificate"),
        ("kind: s3, bucket: docs, endpoint: 'https://user:pass@example.org'", "expected an address"),
        ("kind: s3, bucket: docs, include: []", "empty"),
        ("kind: s3, bucket: docs, exclude: ['../x']", "no path looks like"),
        ("kind: azure, account: handbooks", "'container'"),
        ("kind: azure, account: handbooks, container: docs, key: env:A, sas: env:B", "exclude each other"),
        (
            "kind: azure, account: handbooks, container: docs, sas: env:B, endpoint: 'http://blobs.example.org'",
            "in clear",
        ),
        ("kind: gcs, bucket: docs, credentials: env:A, anonymous: true", "exclude each other"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_with_its_line(text, words):
    with pytest.raises(SettingsError, match=rf"s\.yaml:1.*({words})"):
        declared(text)


def store(text, monkeypatch, **environment):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = declared(text)
    kind = kind_of(found.kind)
    reach = Reach(lambda _: "", FixedClock(), Path("/nowhere"), 1)
    return kind.open("files", options_of(kind, found.values), reach).store


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("bucket: docs, region: eu-west-1", "https://docs.s3.eu-west-1.amazonaws.com/a%20b"),
        ("bucket: my.docs, region: eu-west-1", "https://s3.eu-west-1.amazonaws.com/my.docs/a%20b"),
        ("bucket: docs, region: cn-north-1", "https://docs.s3.cn-north-1.amazonaws.com.cn/a%20b"),
        ("bucket: docs, region: eu-west-1, addressing: path", "https://s3.eu-west-1.amazonaws.com/docs/a%20b"),
        ("bucket: docs, endpoint: 'http://minio:9000/'", "http://minio:9000/docs/a%20b"),
        ("bucket: docs, endpoint: 'http://minio:9000/s3'", "http://minio:9000/s3/docs/a%20b"),
        (
            "bucket: docs, endpoint: 'https://s.example.org', addressing: virtual",
            "https://docs.s.example.org/a%20b",
        ),
    ],
)
def test_a_bucket_is_addressed_by_host_or_by_path(text, address, monkeypatch):
    assert store(f"kind: s3, {text}", monkeypatch).address("a b") == address


def test_the_region_is_the_environments_or_has_to_be_said(monkeypatch):
    found = store("kind: s3, bucket: docs", monkeypatch, AWS_REGION="eu-north-1")
    assert found.address("a") == "https://docs.s3.eu-north-1.amazonaws.com/a"
    with pytest.raises(SettingsError, match=r"no region.*AWS_REGION"):
        store("kind: s3, bucket: docs", monkeypatch)


KEY = "bm90IGEgc2VjcmV0LCBidXQgb2Ygc29tZSBsZW5ndGg="
BLOBS = "https://handbooks.blob.core.windows.net"
DATED = {"x-ms-version": "2021-12-02", "x-ms-date": "Fri, 27 Nov 2026 00:00:00 GMT"}


@pytest.mark.parametrize(
    ("url", "headers", "signature"),
    [
        (
            f"{BLOBS}/docs?restype=container&comp=list&maxresults=1000&prefix=hr%2Fp%C3%A4y%20roll&marker=2%21a%2Bb%3D%3D",
            {},
            "dGN2gtMJyCytS66p/tiuLgNp6b38/B5wEmpWhCscvJ4=",
        ),
        (
            f"{BLOBS}/docs/hr//p%C3%A4y%20%2B%20roll%231.md",
            {"If-Match": '"0x8D0"'},
            "fhpGcaHOzpzmyHePRGuUYTPX7la8ioL1vIKdymdvQpE=",
        ),
        (
            "http://127.0.0.1:10000/handbooks/docs/a.md",
            {"If-Match": '"0x8D0"'},
            "D6HtalMtWSyUyPtCpbn83YmCMSwzfSQbWqpQXToM7Cg=",
        ),
    ],
)
def test_a_shared_key_signs_as_azures_own_library_does(url, headers, signature):
    """Signatures of azure-storage-blob 12."""
    signed = shared_key("handbooks", KEY, "GET", url, {**DATED, "Accept-Encoding": "gzip", **headers})
    assert signed == f"SharedKey handbooks:{signature}"


def test_what_is_no_key_is_not_shown():
    with pytest.raises(SourceDenied) as caught:
        shared_key("handbooks", "hush-hush", "GET", "https://handbooks.blob.core.windows.net/docs", {})
    assert "hush" not in str(caught.value)
