"""S3 as a source, over moto, which checks signatures and rights where it is told to."""

import json
import re
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from aver.core.clock import rfc3339
from aver.core.errors import InvalidInput, NotFound, SettingsError, SourceDenied, TooLarge, Unavailable
from aver.core.settings import Settings
from aver.knowledge.listing import listed
from aver.knowledge.sources import parse_sources
from aver.knowledge.sources.objects import key_of
from aver.server.application import Application
from aver.testing import FixedClock, HashEmbedder
from aver.testing.fakes.sources.serving import Answer, FakeService
from tests.object_stores import MOST, ODD_KEYS, S3, SECRETS, refusal

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sources-objects.md"
EXPIRED = refusal("400 Bad Request", "ExpiredToken")


@pytest.fixture(scope="module")
def server():
    with S3() as server:
        yield server


@pytest.fixture
def s3(server):
    yield server
    server.meddle = lambda _: None


def put(s3, bucket, *keys):
    for key in keys:
        s3.client.put_object(Bucket=bucket, Key=key, Body=f"This is {key}".encode())


def found(source):
    """Keys, each with what was fetched."""
    return {key_of(item.path): source.fetch(item).decode() for item in listed(source, "").items}


def signed_by(environ):
    return re.search("Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", "")) or [None, None]


@contextmanager
def strict(s3, bucket):
    """Moto checks signatures, and lets an account do what our page of documentation says that it needs. Gives its keys."""
    (policy,) = re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    iam = s3.service("iam")
    user = f"aver-{bucket}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    iam.put_user_policy(UserName=user, PolicyName="read", PolicyDocument=policy.replace("my-bucket", bucket))
    iam.close()

    def uncounted(requests):
        """How many are let through unchecked."""
        headers = {"Content-Type": "text/plain"}
        asked = urllib.request.Request(f"{s3.url}/moto-api/reset-auth", requests, headers, method="POST")
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)["PREVIOUS_INITIAL_NO_AUTH_ACTION_COUNT"]

    before = uncounted(b"0")
    try:
        yield {"env:KEY": key["AccessKeyId"], "env:SECRET": key["SecretAccessKey"]}
    finally:
        uncounted(before.encode())


def test_odd_keys_are_listed_and_fetched_with_just_the_rights_that_are_documented(s3):
    bucket = s3.bucket()
    put(s3, bucket, *ODD_KEYS, "control\x01.md")
    with strict(s3, bucket) as secrets:
        assert found(s3.open(bucket, 4, secrets)) == {key: f"This is {key}" for key in (*ODD_KEYS, "control\x01.md")}
        with pytest.raises(SourceDenied, match=r"SignatureDoesNotMatch.*Check the secret key"):
            listed(s3.open(bucket, secrets={**secrets, "env:SECRET": "wrong"}), "")
        with pytest.raises(SourceDenied, match="InvalidAccessKeyId"):
            listed(s3.open(bucket, secrets={**secrets, "env:KEY": "AKIAIOSFODNN7NOTHING"}), "")
        with pytest.raises(SourceDenied, match=r"AccessDenied.*s3:ListBucket"):
            listed(s3.open("another-bucket", secrets=secrets), "")


def test_more_than_a_thousand_objects_are_listed_page_by_page(s3):
    bucket = s3.bucket()
    names = [f"n/{number:04}.md" for number in range(1203)]
    for name in names:  # without the way over HTTP, which takes its time
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, name, b"A note")
    s3.asked.clear()
    pages = list(s3.open(bucket).pages(""))
    assert [len(page.items) for page in pages] == [1000, 203]
    assert [item.path for page in pages for item in page.items] == names
    assert len(s3.asked) == 2
    s3.asked.clear()
    assert [item.path for item in listed(s3.open(bucket, page=100), "").items] == names
    assert len(s3.asked) == 13


def test_a_prefix_patterns_and_folders_decide_what_is_listed(s3):
    bucket = s3.bucket()
    put(s3, bucket, "hr/pay.md", "hr/old/pay.md", "hr/pay.png", "it/pay.md")
    for folder in ("hr/", "hr/empty/"):
        s3.client.put_object(Bucket=bucket, Key=folder, Body=b"")
    source = s3.open(bucket, prefix="hr/", include=("**/*.md",), exclude=("hr/old/**",))
    assert found(source) == {"hr/pay.md": "This is hr/pay.md"}


def test_where_a_person_opens_an_object(s3):
    bucket = s3.bucket()
    put(s3, bucket, "hr/päy roll.md")
    uris = [
        listed(s3.open(bucket, **options), "").items[0].uri
        for options in ({}, {"uri": "https://files.example.org/?at={key}"})
    ]
    assert uris == [
        f"{s3.url}/{bucket}/hr/p%C3%A4y%20roll.md",
        "https://files.example.org/?at=hr/p%C3%A4y%20roll.md",
    ]


def test_throttling_is_waited_out(s3):
    bucket = s3.bucket()
    put(s3, bucket, "one.md")
    answers = [
        refusal("503 Slow Down", "SlowDown"),
        refusal("503 Slow Down", "SlowDown", {"Retry-After": "7"}),
        refusal("429 Too Many", "TooManyRequests", {"Retry-After": "3"}),
        refusal("500 Internal Server Error", "InternalError"),
    ]
    s3.meddle = lambda _: answers.pop(0) if answers else None
    source, waits = s3.open(bucket), []
    source.store.http.wait = waits.append
    assert found(source) == {"one.md": "This is one.md"}
    assert 0 < waits[0] <= 0.5
    assert waits[1:3] == [7, 3]
    assert len(waits) == 4


def test_a_store_that_stays_throttled_is_left_for_later(s3):
    bucket = s3.bucket()
    s3.meddle = lambda _: refusal("503 Slow Down", "SlowDown")
    with pytest.raises(Unavailable, match="SlowDown"):
        listed(s3.open(bucket), "")
    s3.meddle = lambda _: refusal("503 Slow Down", "SlowDown", {"Retry-After": "900"})
    with pytest.raises(Unavailable, match="asked too often") as caught:
        listed(s3.open(bucket), "")
    assert caught.value.retry_after == 900


def test_keys_that_expire_while_it_lists_are_read_anew(s3, tmp_path, monkeypatch):
    bucket = s3.bucket()
    put(s3, bucket, *(f"{number}.md" for number in range(6)))
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    def give(key):
        keys = ("aws_access_key_id", key), ("aws_secret_access_key", "hush"), ("aws_session_token", "hush too")
        file.write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in keys))

    refused, seen = set(), []

    def meddle(environ):
        key = signed_by(environ)[1]
        seen.append(key)
        if len(seen) == 2:  # with the second page
            give("AKIATHESECONDKEY0000")
            refused.add("AKIATHEFIRSTKEY00000")
        return EXPIRED if key in refused else None

    give("AKIATHEFIRSTKEY00000")
    s3.meddle = meddle
    source = s3.open(bucket, page=2, clock=FixedClock(), key_id="", secret_key="")
    assert len(listed(source, "").items) == 6
    assert seen == ["AKIATHEFIRSTKEY00000"] * 2 + ["AKIATHESECONDKEY0000"] * 2
    refused.add("AKIATHESECONDKEY0000")
    seen.clear()
    with pytest.raises(SourceDenied, match=r"ExpiredToken.*Renew"):
        listed(source, "")
    assert len(seen) == 2, "keys that stay refused are tried twice"


def test_keys_of_a_role_are_kept_until_shortly_before_their_end(s3, monkeypatch):
    """The container's endpoint gives them, as on ECS and EKS."""
    bucket = s3.bucket()
    put(s3, bucket, *(f"{number}.md" for number in range(4)))
    clock = FixedClock()

    class Container(FakeService):
        def answer(self, asked):
            end = rfc3339(clock.now() + timedelta(hours=1))
            keys = {"AccessKeyId": f"AKIA{len(self.asked)}", "SecretAccessKey": "hush", "Token": "hush too"}
            return Answer({**keys, "Expiration": end})

    seen = []
    s3.meddle = lambda environ: seen.append(signed_by(environ)[1])
    with Container() as container:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{container.url}/role")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        source = s3.open(bucket, page=2, clock=clock, key_id="", secret_key="")
        listed(source, "")
        assert len(container.asked) == 1
        clock.advance(3400)
        listed(source, "")
        assert seen == ["AKIA1", "AKIA1", "AKIA2", "AKIA2"]
        with container.away():
            clock.advance(3400)
            listed(source, "")  # the keys are still good
            clock.advance(300)
            with pytest.raises(Unavailable, match="container"):
                listed(source, "")


@pytest.mark.parametrize(
    "refused",
    [
        refusal("301 Moved Permanently", "PermanentRedirect", {"x-amz-bucket-region": "eu-west-1"}),
        refusal("400 Bad Request", "AuthorizationHeaderMalformed", more="<Region>eu-west-1</Region>"),
    ],
    ids=["redirect", "malformed"],
)
def test_a_bucket_in_another_region_is_said_to_be(s3, refused):
    bucket = s3.bucket()
    s3.meddle = lambda _: refused
    with pytest.raises(SettingsError, match=r"is in eu-west-1, not in us-east-1\. Correct region"):
        listed(s3.open(bucket), "")


def test_a_redirect_to_another_host_is_not_followed(s3):
    bucket = s3.bucket()
    elsewhere = {"Location": "http://elsewhere.example.org/", "x-amz-bucket-region": "eu-west-1"}
    s3.meddle = lambda _: refusal("307 Temporary Redirect", "TemporaryRedirect", elsewhere)
    with pytest.raises(Unavailable, match=r"leads elsewhere, to http://elsewhere\.example\.org"):
        listed(s3.open(bucket), "")


def test_a_bucket_that_is_not_there_is_an_error(s3):
    with pytest.raises(NotFound, match="There is no bucket nothing-here"):
        listed(s3.open("nothing-here"), "")


def test_an_object_that_changed_since_it_was_listed_is_not_taken_for_what_it_was(s3):
    bucket = s3.bucket()
    put(s3, bucket, "one.md", "two.md")
    source = s3.open(bucket)
    one, two = listed(source, "").items
    s3.client.put_object(Bucket=bucket, Key="one.md", Body=b"Other words")
    s3.client.delete_object(Bucket=bucket, Key="two.md")
    with pytest.raises(Unavailable, match="changed while"):
        source.fetch(one)
    with pytest.raises(NotFound, match="removed while"):
        source.fetch(two)
    assert found(source) == {"one.md": "Other words"}


def test_an_object_that_is_too_large_costs_itself_alone(s3):
    bucket = s3.bucket()
    put(s3, bucket, "small.md")
    s3.client.put_object(Bucket=bucket, Key="large.md", Body=b"x" * (MOST + 1))
    source = s3.open(bucket)
    large, small = listed(source, "").items
    s3.asked.clear()
    with pytest.raises(TooLarge, match="larger"):
        source.fetch(large)
    assert not s3.asked, "what is listed as too large is not asked for"
    with pytest.raises(TooLarge, match="larger"):
        source.fetch(replace(large, size=0))
    assert source.fetch(small) == b"This is small.md"


def test_an_archived_object_is_said_to_be_one(s3):
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="old.md", Body=b"Old", StorageClass="GLACIER")
    source = s3.open(bucket)
    (item,) = listed(source, "").items
    with pytest.raises(InvalidInput, match=r"archived.*Restore"):
        source.fetch(item)


def test_a_public_bucket_needs_no_credentials(s3):
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="open.md", Body=b"For all", ACL="public-read")
    asked = []
    s3.meddle = lambda environ: asked.append(environ.get("HTTP_AUTHORIZATION"))
    assert found(s3.open(bucket, key_id="", secret_key="", anonymous=True)) == {"open.md": "For all"}
    assert asked == [None, None]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome to the proxy</html>",
        b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key><Size>many</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><Contents>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult>&a;</ListBucketResult>',
        b"",
    ],
)
def test_what_is_no_listing_is_not_taken_for_one(s3, body):
    bucket = s3.bucket()
    put(s3, bucket, "one.md")
    s3.meddle = lambda _: ("200 OK", {}, body)
    with pytest.raises(Unavailable):
        listed(s3.open(bucket), "")


def test_an_outage_in_the_middle_of_a_listing_is_an_error(s3):
    bucket = s3.bucket()
    put(s3, bucket, *(f"{number}.md" for number in range(5)))
    s3.meddle = lambda environ: (
        refusal("500 Internal Server Error", "InternalError") if "continuation-token" in environ["RAW_URI"] else None
    )
    pages = s3.open(bucket, page=2).pages("")
    assert len(next(pages).items) == 2
    with pytest.raises(Unavailable, match="InternalError"):
        next(pages)


def test_a_listing_that_goes_in_circles_ends(s3):
    bucket = s3.bucket()
    once = "<Contents><Key>a.md</Key><Size>1</Size><ETag>x</ETag></Contents>"
    s3.meddle = lambda _: (
        "200 OK",
        {},
        f"<ListBucketResult>{once}<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>"
        "</ListBucketResult>".encode(),
    )
    with pytest.raises(Unavailable, match="same objects again"):
        listed(s3.open(bucket), "")


def test_refusals_do_not_repeat_secrets(s3):
    bucket = s3.bucket()
    for refused in (refusal("403 Forbidden", "AccessDenied"), refusal("418 Teapot", "Odd <b>hush</b>"), EXPIRED):
        s3.meddle = lambda _, refused=refused: refused
        with pytest.raises(Unavailable) as caught:
            listed(s3.open(bucket), "")
        assert "hush" not in str(caught.value)
        assert SECRETS["env:KEY"] not in str(caught.value)


def test_a_tenant_follows_a_bucket(s3, tmp_path, monkeypatch):
    """What changes while it is read is taken up with the next run; what is known is not fetched again; what is gone is deleted."""
    bucket = s3.bucket()
    put(s3, bucket, "hr/one.md", "hr/two.md")
    monkeypatch.setenv("S3_KEY_ID", SECRETS["env:KEY"])
    monkeypatch.setenv("S3_SECRET_KEY", SECRETS["env:SECRET"])
    application = Application(Settings(data=tmp_path / "data"), embedder=HashEmbedder())
    application.store.create_tenant("acme")
    services = application.tenant("acme")
    keys = "key_id: env:S3_KEY_ID, secret_key: env:S3_SECRET_KEY"
    declared = f"sources: {{files: {{kind: s3, bucket: {bucket}, endpoint: '{s3.url}', {keys}}}}}"
    services.sources.declare(parse_sources(declared, "s"))

    def change(environ):
        if environ["RAW_URI"].endswith("/hr/one.md"):
            s3.meddle = lambda _: None
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, "hr/one.md", b"Quite other words")

    s3.meddle = change
    first = services.sources.follow("files")
    assert (first.added, first.complete) == (1, False)
    assert [failure.path for failure in first.failed] == ["hr/one.md"]
    second = services.sources.follow("files")
    assert (second.added, second.unchanged, second.complete) == (1, 1, True)
    s3.asked.clear()
    s3.client.delete_object(Bucket=bucket, Key="hr/two.md")
    third = services.sources.follow("files")
    assert (third.deleted, third.unchanged) == (1, 1)
    assert [method for method, _ in s3.asked] == ["DELETE", "GET"]
    (document,) = services.knowledge.documents(services.principal("ann"))
    assert document.uri == f"{s3.url}/{bucket}/hr/one.md"
    application.close()
