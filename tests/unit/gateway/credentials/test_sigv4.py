"""Our signatures are those of AWS's own library."""

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote

import botocore.compat
from botocore.auth import SigV4Auth
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
