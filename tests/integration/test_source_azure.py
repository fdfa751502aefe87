"""Azure Blob Storage as a source, over a fake that verifies signatures as they are documented."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from aver.core.errors import InvalidInput, NotFound, SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.sources.objects import key_of
from aver.testing import FixedClock
from aver.testing.fakes.sources.azure import FakeBlobs
from aver.testing.fakes.sources.serving import Answer, FakeService
from tests.object_stores import MOST, ODD_KEYS, azure

SAS = {"sv": "2022-11-02", "sr": "c", "sp": "rl", "se": "2027-01-01T00:00:00Z", "sig": "a+b/c=="}


@pytest.fixture
def fake():
    with FakeBlobs() as fake:
        fake.containers["handbooks"] = {}
        yield fake


def put(fake, *names):
    for name in names:
        fake.put("handbooks", name, f"This is {name}".encode())


def found(source):
    return {key_of(item.path): source.fetch(item).decode() for item in listed(source, "").items}


def test_odd_names_are_listed_and_fetched_under_the_accounts_key(fake):
    names = (*ODD_KEYS, "noncharacter\uffff.md")
    put(fake, *names)
    assert found(azure(fake, 4, key="env:KEY")) == {name: f"This is {name}" for name in names}


def test_another_key_is_refused(fake):
    put(fake, "one.md")
    with pytest.raises(SourceDenied, match=r"AuthenticationFailed.*Renew") as caught:
        listed(azure(fake, secrets={"env:KEY": "aHVzaA=="}, key="env:KEY"), "")
    assert "aHVzaA" not in str(caught.value)
    with pytest.raises(SourceDenied, match="base64") as caught:
        listed(azure(fake, secrets={"env:KEY": "hush!"}, key="env:KEY"), "")
    assert "hush" not in str(caught.value)


def test_a_machine_whose_clock_is_wrong_is_refused(fake):
    with pytest.raises(SourceDenied, match="AuthenticationFailed"):
        listed(azure(fake, clock=FixedClock(), key="env:KEY"), "")


def test_a_key_that_is_replaced_while_it_lists_counts_at_once(fake):
    put(fake, *(f"{number}.md" for number in range(5)))
    secrets = {"env:KEY": fake.key}
    pages = azure(fake, 2, secrets, key="env:KEY").pages("")
    next(pages)
    fake.key = secrets["env:KEY"] = "bmV3IGtleQ=="
    assert [len(page.items) for page in pages] == [2, 1]


@pytest.mark.parametrize("mark", ["", "?"])
def test_a_shared_access_signature_goes_with_every_request(fake, mark):
    put(fake, "one.md", "two words.md")
    fake.signatures.append(SAS)
    source = azure(fake, 1, {"env:SAS": mark + urlencode(SAS)}, sas="env:SAS")
    assert found(source) == {"one.md": "This is one.md", "two words.md": "This is two words.md"}
    assert not any("authorization" in asked.headers for asked in fake.asked)
    fake.signatures.clear()
    with pytest.raises(SourceDenied, match="AuthenticationFailed") as caught:
        listed(source, "")
    assert "a+b" not in str(caught.value)


@pytest.fixture
def entra(monkeypatch):
    """Microsoft Entra, which gives one token after the other, each for an hour."""

    class Entra(FakeService):
        def answer(self, asked):
            assert asked.path == "/tenant/oauth2/v2.0/token"
            assert b"scope=https%3A%2F%2Fstorage.azure.com%2F.default" in asked.body
            return Answer({"access_token": f"token-{len(self.asked)}", "expires_in": 3600})

    with Entra() as service:
        environment = {"TENANT_ID": "tenant", "CLIENT_ID": "aver", "CLIENT_SECRET": "hush"}
        for name, value in (environment | {"AUTHORITY_HOST": service.url}).items():
            monkeypatch.setenv(f"AZURE_{name}", value)
        yield service


def test_a_token_of_entra_serves_until_shortly_before_its_end(fake, entra):
    put(fake, *(f"{number}.md" for number in range(4)))
    fake.tokens |= {"token-1", "token-2"}
    clock = FixedClock()
    source = azure(fake, 2, clock=clock)
    assert len(found(source)) == 4
    assert len(entra.asked) == 1
    clock.advance(3400)
    assert len(found(source)) == 4
    assert len(entra.asked) == 2


def test_a_token_that_is_refused_while_it_lists_is_renewed_once(fake, entra):
    put(fake, *(f"{number}.md" for number in range(4)))
    fake.tokens = {"token-1"}
    source = azure(fake, 2)
    pages = source.pages("")
    next(pages)
    fake.tokens = {"token-2"}
    assert [len(page.items) for page in pages] == [2]
    fake.tokens = set()
    with pytest.raises(SourceDenied, match=r"InvalidAuthenticationInfo.*Renew"):
        listed(source, "")
    assert len(entra.asked) == 3


def test_without_rights_it_says_which(fake, entra):
    fake.meddle = lambda _: Answer("<Error><Code>AuthorizationPermissionMismatch</Code></Error>", 403)
    with pytest.raises(SourceDenied, match="Storage Blob Data Reader"):
        listed(azure(fake), "")


def test_a_public_container_needs_no_credentials(fake):
    put(fake, "one.md")
    source = azure(fake, anonymous=True)
    with pytest.raises(NotFound, match="no container handbooks"):
        listed(source, "")
    fake.public.add("handbooks")
    assert found(source) == {"one.md": "This is one.md"}


def test_more_than_a_thousand_blobs_are_listed_page_by_page(fake):
    names = [f"n/{number:04}.md" for number in range(1203)]
    put(fake, *names)
    assert [len(page.items) for page in azure(fake, key="env:KEY").pages("")] == [1000, 203]
    fake.most = 100
    found = listed(azure(fake, key="env:KEY"), "")
    assert [item.path for item in found.items] == names


def test_pages_without_blobs_are_no_end(fake):
    put(fake, "one.md")
    empty = "<EnumerationResults><Blobs/><NextMarker>{}</NextMarker></EnumerationResults>"
    answers = [Answer(empty.format(mark)) for mark in ("first", "second")]

    def meddle(asked):
        """Two empty pages; what comes after the second is all there is."""
        return answers.pop(0) if answers else fake.answer(replace(asked, query={**asked.query, "marker": ""}))

    fake.meddle = meddle
    fake.public.add("handbooks")
    pages = list(azure(fake, anonymous=True).pages(""))
    assert [[item.path for item in page.items] for page in pages] == [[], [], ["one.md"]]


def test_a_prefix_and_folders_decide_what_is_listed(fake):
    put(fake, "hr/pay.md", "it/pay.md")
    fake.put("handbooks", "hr/", b"")
    fake.put("handbooks", "hr/old", b"", directory=True)
    assert found(azure(fake, key="env:KEY", prefix="hr/")) == {"hr/pay.md": "This is hr/pay.md"}


def test_throttling_is_waited_out(fake):
    put(fake, "one.md")
    fake.throttle(2, 5, status=503)
    source, waits = azure(fake, key="env:KEY"), []
    source.store.http.wait = waits.append
    assert found(source) == {"one.md": "This is one.md"}
    assert waits == [5, 5]


def test_a_blob_that_changed_since_it_was_listed_is_not_taken_for_what_it_was(fake):
    put(fake, "one.md", "two.md")
    source = azure(fake, key="env:KEY")
    one, two = listed(source, "").items
    fake.put("handbooks", "one.md", b"Other words")
    fake.remove("handbooks", "two.md")
    with pytest.raises(Unavailable, match="changed while"):
        source.fetch(one)
    with pytest.raises(NotFound, match="removed while"):
        source.fetch(two)


def test_what_cannot_be_read_costs_itself_alone(fake):
    fake.put("handbooks", "old.md", b"Old", tier="Archive")
    fake.put("handbooks", "large.md", b"x" * (MOST + 1))
    put(fake, "small.md")
    source = azure(fake, key="env:KEY")
    large, old, small = listed(source, "").items
    with pytest.raises(TooLarge):
        source.fetch(large)
    with pytest.raises(TooLarge):
        source.fetch(replace(large, size=0))
    with pytest.raises(InvalidInput, match="archived"):
        source.fetch(old)
    assert source.fetch(small) == b"This is small.md"


def test_a_container_that_is_not_there_is_an_error(fake):
    with pytest.raises(NotFound, match="There is no container nothing-here"):
        listed(azure(fake, key="env:KEY", container="nothing-here"), "")


def test_an_outage_in_the_middle_of_a_listing_is_an_error(fake):
    put(fake, *(f"{number}.md" for number in range(5)))
    pages = azure(fake, 2, key="env:KEY").pages("")
    next(pages)
    with fake.away(), pytest.raises(Unavailable):
        next(pages)


def test_an_answer_that_breaks_off_is_asked_for_again(fake):
    put(fake, "one.md")
    cut = [Answer("<EnumerationResults><Blobs>" + " " * 1000, cut=True)]
    fake.meddle = lambda _: cut.pop() if cut else None
    assert found(azure(fake, key="env:KEY")) == {"one.md": "This is one.md"}


def test_a_listing_that_goes_in_circles_ends(fake):
    blob = "<Blob><Name>a.md</Name><Properties><Etag>1</Etag><Content-Length>1</Content-Length></Properties></Blob>"
    fake.meddle = lambda _: Answer(
        f"<EnumerationResults><Blobs>{blob}</Blobs><NextMarker>again</NextMarker></EnumerationResults>"
    )
    with pytest.raises(Unavailable, match="same objects again"):
        listed(azure(fake, key="env:KEY"), "")


def test_the_fake_refuses_what_is_malformed(fake):
    source = azure(fake, 5001, key="env:KEY")
    with pytest.raises(Unavailable, match="OutOfRangeQueryParameterValue"):
        listed(source, "")
