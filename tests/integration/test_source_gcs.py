"""Google Cloud Storage as a source, over a fake of its JSON API."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from aver.core.errors import NotFound, SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.sources.objects import key_of
from aver.testing import FixedClock
from aver.testing.fakes.sources.gcs import FakeBuckets
from aver.testing.fakes.sources.serving import Answer, FakeService
from tests.object_stores import MOST, ODD_KEYS, gcs

TOKEN = {"credentials": "env:TOKEN"}


@pytest.fixture
def fake():
    with FakeBuckets() as fake:
        fake.buckets["handbooks"] = {}
        fake.tokens = {"token"}
        yield fake


def put(fake, *names):
    for name in names:
        fake.put("handbooks", name, f"This is {name}".encode())


def found(source):
    return {key_of(item.path): source.fetch(item).decode() for item in listed(source, "").items}


def test_odd_names_are_listed_and_fetched(fake):
    names = (*ODD_KEYS, "control\x01.md", "noncharacter\uffff.md")
    put(fake, *names)
    assert found(gcs(fake, 4, **TOKEN)) == {name: f"This is {name}" for name in names}


def test_more_than_a_thousand_objects_are_listed_page_by_page(fake):
    names = [f"n/{number:04}.md" for number in range(1203)]
    put(fake, *names)
    assert [len(page.items) for page in gcs(fake, **TOKEN).pages("")] == [1000, 203]
    fake.most = 100
    assert [item.path for item in listed(gcs(fake, **TOKEN), "").items] == names


def test_a_prefix_and_folders_decide_what_is_listed(fake):
    put(fake, "hr/pay.md", "it/pay.md")
    fake.put("handbooks", "hr/", b"")
    assert found(gcs(fake, prefix="hr/", **TOKEN)) == {"hr/pay.md": "This is hr/pay.md"}


def test_the_revision_is_the_generation(fake):
    put(fake, "one.md")
    (before,) = listed(gcs(fake, **TOKEN), "").items
    put(fake, "one.md")
    (after,) = listed(gcs(fake, **TOKEN), "").items
    assert int(after.revision) == int(before.revision) + 1


def test_a_service_accounts_file_is_exchanged_for_tokens_until_they_are_refused(fake):
    put(fake, *(f"{number}.md" for number in range(4)))

    class Tokens(FakeService):
        def answer(self, asked):
            assert b"jwt-bearer" in asked.body
            return Answer({"access_token": f"token-{len(self.asked)}", "expires_in": 3600})

    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    clock = FixedClock()
    with Tokens() as tokens:
        account = {"type": "service_account", "client_email": "aver@example.org", "token_uri": f"{tokens.url}/token"}
        secrets = {"env:ACCOUNT": json.dumps({**account, "private_key": key.decode()})}
        source = gcs(fake, 2, secrets, clock, credentials="env:ACCOUNT")
        fake.tokens = {"token-1"}
        pages = source.pages("")
        next(pages)
        fake.tokens = {"token-2"}
        assert [len(page.items) for page in pages] == [2]
        assert len(tokens.asked) == 2
        clock.advance(3400)
        fake.tokens = {"token-3"}
        assert len(found(source)) == 4
        assert len(tokens.asked) == 3
        fake.tokens = set()
        with pytest.raises(SourceDenied, match=r"does not accept its credentials.*Renew"):
            listed(source, "")
        assert len(tokens.asked) == 4


def test_a_token_that_is_replaced_while_it_lists_counts(fake):
    put(fake, *(f"{number}.md" for number in range(4)))
    secrets = {"env:TOKEN": "token"}
    pages = gcs(fake, 2, secrets, **TOKEN).pages("")
    next(pages)
    fake.tokens = {"another"}
    secrets["env:TOKEN"] = "another"
    assert [len(page.items) for page in pages] == [2]


def test_credentials_that_are_none_are_refused(fake):
    for text in ('{"type": "service_account"}', '{"no": "type"}'):
        with pytest.raises(SourceDenied):
            listed(gcs(fake, secrets={"env:TOKEN": text}, **TOKEN), "")


def test_a_public_bucket_needs_no_credentials(fake):
    put(fake, "one.md")
    source = gcs(fake, anonymous=True)
    with pytest.raises(SourceDenied):
        listed(source, "")
    fake.public.add("handbooks")
    assert found(source) == {"one.md": "This is one.md"}


def test_a_bucket_that_may_not_be_read_or_is_not_there_is_an_error(fake):
    fake.closed.add("handbooks")
    with pytest.raises(SourceDenied, match=r"may not be read.*Storage Object Viewer"):
        listed(gcs(fake, **TOKEN), "")
    with pytest.raises(NotFound, match="There is no bucket nothing-here"):
        listed(gcs(fake, bucket="nothing-here", **TOKEN), "")


def test_throttling_is_waited_out(fake):
    put(fake, "one.md")
    fake.throttle(1, 5)
    fake.throttle(1, 6, status=503)
    source, waits = gcs(fake, **TOKEN), []
    source.store.http.wait = waits.append
    assert found(source) == {"one.md": "This is one.md"}
    assert waits == [5, 6]


def test_an_object_that_changed_since_it_was_listed_is_not_taken_for_what_it_was(fake):
    put(fake, "one.md", "two.md")
    source = gcs(fake, **TOKEN)
    one, two = listed(source, "").items
    put(fake, "one.md")
    fake.remove("handbooks", "two.md")
    with pytest.raises(Unavailable, match="changed while"):
        source.fetch(one)
    with pytest.raises(NotFound, match="removed while"):
        source.fetch(two)


def test_an_object_that_is_too_large_costs_itself_alone(fake):
    fake.put("handbooks", "large.md", b"x" * (MOST + 1))
    put(fake, "small.md")
    source = gcs(fake, **TOKEN)
    large, small = listed(source, "").items
    for item in (large, replace(large, size=0)):
        with pytest.raises(TooLarge):
            source.fetch(item)
    assert source.fetch(small) == b"This is small.md"


@pytest.mark.parametrize(
    "said", [b"<html>", {"items": [{"name": "a"}]}, {"items": 5}, [], {"items": [{"name": 1, "size": "x"}]}]
)
def test_what_is_no_listing_is_not_taken_for_one(fake, said):
    fake.meddle = lambda _: Answer(said)
    with pytest.raises(Unavailable):
        listed(gcs(fake, **TOKEN), "")


def test_an_outage_in_the_middle_of_a_listing_is_an_error(fake):
    put(fake, *(f"{number}.md" for number in range(5)))
    pages = gcs(fake, 2, **TOKEN).pages("")
    next(pages)
    with fake.away(), pytest.raises(Unavailable):
        next(pages)


def test_a_listing_that_goes_in_circles_ends(fake):
    item = {"name": "a.md", "size": "1", "generation": "1"}
    fake.meddle = lambda _: Answer({"kind": "storage#objects", "items": [item], "nextPageToken": "again"})
    with pytest.raises(Unavailable, match="same objects again"):
        listed(gcs(fake, **TOKEN), "")


def test_a_person_opens_an_object_where_google_asks_who_they_are(fake):
    source = gcs(fake, endpoint="", **TOKEN)
    assert source.store.address("hr/päy.md") == "https://storage.cloud.google.com/handbooks/hr/p%C3%A4y.md"
