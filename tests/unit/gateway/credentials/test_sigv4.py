"""Our signatures are those of AWS's own library."""

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote

import botocore.compat
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from aver.gateway.credentials.sigv4 import AwsCredentials, SigV4

PLAIN = st.text("abcXYZ019-_.~", min_size=1, max_size=8)
SEGMENT = st.one_of(
    PLAIN,
    st.sampled_from([".", "..", "", "anthropic.claude-v2:1", "arn:aws:bedrock:us-east-1:1:inference-profile/x", "ä ß"]),
).map(lambda text: quote(text, safe=":"))
PATH = st.lists(SEGMENT, max_size=5).map(lambda parts: "/" + "/".join(parts))
QUERY = st.lists(st.tuples(PLAIN, PLAIN | st.just("")), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Type", "X-Amzn-Bedrock-Trace", "accept", "User-Agent", "X-Amz-Target"]),
    st.text("abc/;= -", min_size=1, max_size=12),
    max_size=4,
)
SECRET = st.text("abcdefABCDEF0123456789/+", min_size=8, max_size=40)


@given(
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["https://bedrock-runtime.eu-west-1.amazonaws.com", "http://127.0.0.1:8099", "https://x.y:443"]),
    PATH,
    QUERY,
    HEADERS,
    st.binary(max_size=64),
    SECRET,
    SECRET | st.just(""),
    st.integers(1_577_836_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_a_signature_is_that_of_botocore(method, host, path, query, headers, body, secret, token, moment):
    url = host + path + (f"?{query}" if query else "")
    ours = SigV4("bedrock", "eu-west-1").headers(
        method, url, headers, body, AwsCredentials("AKID", secret, token), moment
    )
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    # botocore signs at the time of its own clock.
    with (
        patch("botocore.auth.get_current_datetime", return_value=moment),
        patch.object(botocore.compat, "get_current_datetime", return_value=moment),
    ):
        SigV4Auth(Credentials("AKID", secret, token or None), "bedrock", "eu-west-1").add_auth(request)
    theirs = {name: value for name, value in request.headers.items() if name not in headers}
    assert ours == theirs


KEY_SEGMENT = st.sampled_from(
    ["", ".", "..", "a", "a b", "a+b", "100%", "%2F", "Grüße", "日本", "~(1)!*'", "q?x#y&z=1", "\x01"]
)


@given(st.lists(KEY_SEGMENT, min_size=1, max_size=5), QUERY, SECRET | st.just(""))
def test_a_signature_for_s3_is_that_of_botocore(segments, query, token):
    """Where a key's path is signed as it is sent."""
    moment = datetime(2026, 11, 27, tzinfo=UTC)
    url = f"https://docs.s3.eu-west-1.amazonaws.com/{quote('/'.join(segments), safe='/~')}" + (
        f"?{query}" if query else ""
    )
    ours = SigV4("s3", "eu-west-1").headers("GET", url, {}, b"", AwsCredentials("AKID", "hush", token), moment)
    request = AWSRequest("GET", url)
    with (
        patch("botocore.auth.get_current_datetime", return_value=moment),
        patch.object(botocore.compat, "get_current_datetime", return_value=moment),
    ):
        S3SigV4Auth(Credentials("AKID", "hush", token or None), "s3", "eu-west-1").add_auth(request)
    assert ours == dict(request.headers.items())


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "signature"),
    [
        (
            "GET",
            "/test.txt",
            {"Range": "bytes=0-9"},
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test%24file.text",
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/?lifecycle=", {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "?max-keys=2&prefix=J", {}, b"", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_a_signature_for_s3_is_that_of_the_documentation(method, target, headers, body, signature):
    """The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html."""
    credentials = AwsCredentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    url = f"https://examplebucket.s3.amazonaws.com{target}"
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    signed = SigV4("s3", "us-east-1").headers(method, url, headers, body, credentials, moment)
    assert signed["Authorization"].endswith(f"Signature={signature}")


def test_the_derived_key_follows_the_day_and_the_credentials():
    one, other = AwsCredentials("A", "one"), AwsCredentials("A", "other")
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    kept = SigV4("bedrock", "eu-west-1")
    for credentials, now in ((one, first), (one, second), (other, second), (one, first)):
        fresh = SigV4("bedrock", "eu-west-1")
        asked = ("POST", "https://h/", {}, b"", credentials, now)
        assert kept.headers(*asked) == fresh.headers(*asked)


def test_credentials_do_not_show_themselves():
    assert "hidden" not in repr(AwsCredentials("AKID", "hidden", "hidden too"))
