"""Asking the far side of a source, against a server that answers byte for byte what a test says."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import AverError, NotFound, SettingsError, SourceDenied, TooLarge, Unavailable
from aver.knowledge.sources.http import Http, origin
from aver.testing import FixedClock

SECRET = "correct-horse-battery"


class Raw:
    """A server on 127.0.0.1 that answers each request with the next of ``answers``, the last one again and again. An answer is bytes
    that are sent as they are, after which the connection is closed; or a function that is given the connection."""

    def __init__(self, *answers, tls=None):
        self.answers, self.requests, self.connections = list(answers), [], 0
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._ended, self._open = threading.Event(), None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        with suppress(OSError, AttributeError):
            self._open.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join(5)
        self._listening.close()

    def _serve(self):
        while not self._ended.is_set():
            connection, _ = self._listening.accept()
            if self._ended.is_set():
                connection.close()
                return
            self.connections += 1
            with suppress(OSError):
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self._open = connection
                with connection:
                    while self._answered(connection):
                        pass

    def _answered(self, connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = connection.recv(1)
            if not piece:
                return False
            head += piece
        name, *lines = head.decode().strip().split("\r\n")
        self.requests.append((name, {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in lines}))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer(connection)
            return False
        connection.sendall(answer)
        return b"connection: close" not in answer.lower() and b"content-length" in answer.lower()

    def seen(self, name):
        return [headers.get(name) for _, headers in self.requests]


def answer(body=b"", status=200, **headers):
    sent = {"Content-Length": len(body), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value is not None)
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode("latin-1") + body


class Fast(FixedClock):
    """Every look at it takes as long as is said."""

    seconds = 7.0

    def monotonic(self):
        self.advance(self.seconds)
        return super().monotonic()


def http(server, **more):
    waits = []
    made = Http("desk", more.pop("base", server.url), more.pop("clock", FixedClock()), wait=waits.append, **more)
    made.waits = waits
    return made


def bearer(_=False):
    return {"Authorization": f"Bearer {SECRET}"}


def test_an_answer_and_what_was_asked():
    with Raw(answer(b'{"a": 1}', X_Kind="one")) as server:
        reply = http(server).get("rest/items", {"page": 2, "label": ["a b", "c"], "none": None}, {"Accept": "x/y"})
    assert (reply.status, reply.json(), reply.headers["x-kind"]) == (200, {"a": 1}, "one")
    assert reply.url == f"{server.url}/rest/items?page=2&label=a%20b&label=c"
    (line, headers) = server.requests[0]
    assert line == "GET /rest/items?page=2&label=a%20b&label=c HTTP/1.1"
    assert headers["user-agent"] == "Aver"
    assert headers["accept"] == "x/y"


def test_connections_are_kept():
    with Raw(answer(b"a")) as server:
        asking = http(server)
        for _ in range(5):
            asking.get("")
        assert server.connections == 1


def test_what_passes_with_time_is_tried_again_later_and_later():
    with Raw(answer(status=500), answer(status=502), answer(status=504), answer(b"ok")) as server:
        asking = http(server)
        assert asking.get("").body == b"ok"
    assert [0.25 <= wait <= 0.5 * 2**at for at, wait in enumerate(asking.waits)] == [True] * 3


def test_it_is_not_tried_for_ever():
    with Raw(answer(status=500)) as server:
        asking = http(server)
        with pytest.raises(Unavailable, match="answered with status 500"):
            asking.get("")
    assert len(server.requests) == 5
    assert len(asking.waits) == 4


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_the_far_side_asks(status):
    soon = format_datetime(FixedClock().now() + timedelta(seconds=30), usegmt=True)
    with Raw(answer(status=status, Retry_After=7), answer(status=status, Retry_After=soon), answer(b"ok")) as server:
        asking = http(server)
        assert asking.get("").body == b"ok"
    assert asking.waits == [7.0, 30.0]


def test_a_date_without_a_zone_is_utc_and_one_that_has_passed_is_now():
    said = (FixedClock().now() + timedelta(seconds=20)).strftime("%a, %d %b %Y %H:%M:%S -0000")
    past = format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)
    with Raw(answer(status=429, Retry_After=said), answer(status=429, Retry_After=past), answer(b"ok")) as server:
        asking = http(server)
        asking.get("")
    assert asking.waits == [20.0, 0.0]


def test_too_long_a_wait_is_an_error_at_once_that_says_how_long():
    with Raw(answer(status=429, Retry_After=3600)) as server:
        asking = http(server)
        with pytest.raises(Unavailable, match="asked too often") as raised:
            asking.get("")
    assert raised.value.retry_after == 3600
    assert asking.waits == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "said",
    ["²", "soon", "", "-5", "1.5", "9" * 5000, "Mon, 01 Jan 2024 00:00:00 +99999999999999", "Mon, 99 Jan 2024", "inf"],
)
def test_a_wait_that_is_none_is_no_crash(said):
    with Raw(answer(status=429, Retry_After=said), answer(b"ok")) as server:
        asking = http(server)
        reply = _said_or_raised(lambda: asking.get("").body)
    if said.isdecimal():
        assert reply.retry_after > 60
    else:
        assert reply == b"ok"
        assert asking.waits[0] <= 0.5


def _said_or_raised(ask):
    try:
        return ask()
    except Unavailable as error:
        return error


def test_throttling_without_a_word_is_waited_for_longer_and_longer():
    with Raw(answer(status=429)) as server:
        asking = http(server)
        with pytest.raises(Unavailable, match="asked too often"):
            asking.get("")
    assert len(asking.waits) == 4
    assert asking.waits[3] >= 2.0


def test_a_far_side_may_have_its_own_way_of_asking_for_time():
    busy = answer(b'{"ok": false, "error": "ratelimited", "seconds": 9}', status=400)
    with Raw(busy, answer(b"ok")) as server:
        asking = http(server, throttled=lambda reply: reply.json()["seconds"] if reply.status == 400 else None)
        assert asking.get("").body == b"ok"
    assert asking.waits == [9]


def test_refused_credentials_are_read_anew_once():
    asked = []

    def proof(refused):
        asked.append(refused)
        return {"Authorization": "Bearer new" if True in asked else "Bearer old"}

    with Raw(answer(status=401), answer(status=500), answer(b"ok")) as server:
        assert http(server, credentials=proof).get("").body == b"ok"
    assert asked == [False, True, False]  # after the 500, nothing was refused
    assert server.seen("authorization") == ["Bearer old", "Bearer new", "Bearer new"]


def test_credentials_that_stay_refused_are_an_error_without_them():
    refused = pytest.raises(SourceDenied, match="does not accept its credentials")
    with Raw(answer(SECRET.encode(), status=401)) as server, refused as raised:
        http(server, credentials=bearer).get("")
    assert len(server.requests) == 2
    assert SECRET not in str(raised.value)


def test_credentials_refused_at_the_last_attempt_are_an_error_too():
    with Raw(*[answer(status=500)] * 4, answer(status=401)) as server, pytest.raises(SourceDenied):
        http(server, credentials=bearer).get("")


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFound), (410, NotFound), (403, SourceDenied), (400, Unavailable), (418, Unavailable)]
)
def test_what_does_not_pass_is_not_tried_again(status, error):
    with Raw(answer(b"x" * 10**6, status=status)) as server:
        with pytest.raises(error):
            http(server).get("secret?token=hidden", most=10)
        assert len(server.requests) == 1


def test_statuses_that_are_expected_are_answers():
    with Raw(answer(status=304, ETag='"a"', Content_Length=None), answer(b"why", status=404)) as server:
        asking = http(server)
        assert asking.get("", headers={"If-None-Match": '"a"'}, also=(304,)).status == 304
        assert asking.get("", also=(404,)).body == b"why"
    assert server.seen("if-none-match")[0] == '"a"'


def test_redirects_on_the_same_host_are_followed_with_credentials():
    with Raw(answer(status=302, Location="/there?x=1"), answer(b"ok")) as server:
        reply = http(server, credentials=bearer).get("here")
    assert (reply.url, reply.body) == (f"{server.url}/there?x=1", b"ok")
    assert server.seen("authorization") == [f"Bearer {SECRET}"] * 2


def test_a_redirect_that_is_expected_is_not_followed():
    with Raw(answer(status=301, Location="/there")) as server:
        assert http(server).get("here", also=(301,)).headers["location"] == "/there"
        assert len(server.requests) == 1


def test_another_port_of_the_host_sees_no_credentials():
    with Raw(answer(b"ok")) as other, Raw(answer(status=307, Location=f"{other.url}/x")) as server:
        sent = {"Private-Token": SECRET, "Cookie": SECRET, "Accept": "text/html"}
        assert http(server, credentials=bearer).get("", headers=sent).body == b"ok"
    ((_, headers),) = other.requests
    assert SECRET not in json.dumps(headers)
    assert headers["accept"] == "text/html"


def test_what_is_sent_goes_to_no_other_origin():
    with Raw(answer(b"ok")) as other, Raw(answer(status=307, Location=other.url)) as server:
        with pytest.raises(Unavailable, match="leads what it is sent elsewhere"):
            http(server).ask("POST", "", body=SECRET.encode())
        assert other.requests == []


def test_circles_are_left():
    with Raw(answer(status=302, Location="/again")) as server:
        with pytest.raises(Unavailable, match="circles"):
            http(server).get("")
        assert len(server.requests) == 6


ELSEWHERE = [
    "https://example.org/",
    "http://169.254.169.254/latest/meta-data",
    "https://169.254.169.254/",
    "https://localhost/",
    "https://127.0.0.2/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://2130706434/",
    "https://10.0.0.1/",
    "//evil.example/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://[::1",
    "http://127.0.0.1:99999999/",
    "http://127.0.0.1:x/",
    f"https://{'a' * 300}.example/",
    "https://\u00ff\u00ff/",
    "gopher://127.0.0.1/",
]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_redirects_elsewhere_are_refused(place):
    with Raw(answer(status=302, Location=place)) as server:
        with pytest.raises(Unavailable, match="leads elsewhere"):
            http(server, credentials=bearer).get("")
        assert len(server.requests) == 1


@pytest.mark.parametrize("place", [each for each in ELSEWHERE if "example" not in each])
def test_where_any_address_is_allowed_private_ones_are_not(place, resolved):
    with Raw(answer(status=302, Location=place)) as server:
        with pytest.raises(Unavailable, match="leads elsewhere"):
            http(server, anywhere=True).get("")
        with pytest.raises(Unavailable):
            http(server, anywhere=True, attempts=1).get(place)
        assert next(line.split()[1] for line, _ in server.requests) == "/"


@pytest.fixture
def resolved(monkeypatch):
    """A name server that knows ``files.example.org``: first of all at a public address, then here."""
    real, asked = socket.getaddrinfo, []

    def resolve(host, *rest, **more):
        if host != "files.example.org":
            return real(host, *rest, **more)
        asked.append(host)
        return real("93.184.215.14" if len(asked) == 1 else "127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A server's TLS for ``files.example.org``, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "files.example.org")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("files.example.org")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, private)
    return tls


def test_a_public_host_is_gone_to_without_credentials(resolved, certified):
    with Raw(answer(b"content"), tls=certified) as files:
        place = f"https://files.example.org:{files.port}/download?signature=x"
        with Raw(answer(status=302, Location=place)) as server:
            reply = http(server, credentials=bearer, anywhere=True, attempts=1).get("content")
    assert (reply.body, reply.url) == (b"content", place)
    assert files.seen("authorization") == [None]
    assert len(resolved) == 2


def test_credentials_do_not_travel_in_clear():
    with Raw(answer(b"ok")) as server, pytest.raises(SettingsError, match="travel in clear") as raised:
        Http("desk", "http://desk.example.org/", FixedClock(), bearer).get("x")
    assert server.requests == []
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("proof", [f"Bearer {SECRET}\n", f"Bearer {SECRET}\r\nX: y", f"Bearer {SECRET} \u20ac", "\x00"])
def test_credentials_that_are_no_header_are_an_error_without_them(proof):
    with Raw(answer(b"ok")) as server:
        with pytest.raises(SettingsError) as raised:
            http(server, credentials=lambda _: {"Authorization": proof}).get("x")
        assert server.requests == []
    assert SECRET not in str(raised.value) + repr(raised.value.__cause__) + repr(raised.value.__context__)


@pytest.mark.parametrize("base", ["", "desk", "ftp://u:p4ss@h/", "http://", "http://[::1", "http://h:p4ss/"])
def test_an_address_that_is_none(base):
    with pytest.raises(SettingsError) as raised:
        Http("desk", base, FixedClock())
    assert "p4ss" not in str(raised.value)


def test_an_address_with_a_password_in_it():
    with pytest.raises(SettingsError) as raised:
        Http("desk", "https://ann:p4ss@desk.example.org", FixedClock())
    assert "p4ss" not in str(raised.value)


def test_a_path_that_looks_like_an_address_is_a_path():
    with Raw(answer(b"ok")) as server:
        http(server).get("page:12/title")
    assert server.requests[0][0].split()[1] == "/page:12/title"


def test_errors_show_no_query():
    with Raw(answer(status=403)) as server, pytest.raises(SourceDenied) as raised:
        http(server).get(f"x?token={SECRET}")
    assert SECRET not in str(raised.value)


# What is not whole, not true or without end.


def gzipped(body):
    return gzip.compress(body, 9)


def test_compressed_answers_are_read():
    double = gzipped(b"one ") + gzipped(b"two")
    with Raw(answer(double, Content_Encoding="gzip"), answer(b"", Content_Encoding="gzip")) as server:
        asking = http(server)
        assert asking.get("").body == b"one two"
        assert asking.get("").body == b""
    assert server.seen("accept-encoding") == ["gzip"] * 2


def test_a_bomb_is_not_unpacked():
    bomb = gzipped(gzipped(b"\0" * 2**24))  # and an outer layer, which is not asked for
    inner = gzip.decompress(bomb)
    with Raw(answer(inner, Content_Encoding="gzip"), answer(bomb, Content_Encoding="gzip, gzip")) as server:
        asking = http(server)
        with pytest.raises(TooLarge):
            asking.get("", most=2**20)
        with pytest.raises(Unavailable, match="not asked for"):
            asking.get("", most=2**20)
    assert len(server.requests) == 2


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "compress"])
def test_an_encoding_that_was_not_asked_for_is_an_error(encoding):
    with Raw(answer(b"xyz", Content_Encoding=encoding)) as server, pytest.raises(Unavailable, match=encoding):
        http(server).get("")


def cut_short(body, announced):
    return answer(body, Content_Length=announced, Connection="close")


BROKEN = {
    "less than it says": cut_short(b"half", 8),
    "gzip that breaks off": answer(gzipped(b"something" * 50)[:-12], Content_Encoding="gzip"),
    "no gzip": answer(b"plain", Content_Encoding="gzip"),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "a chunk that breaks off": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nabc",
    "chunks without an end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n",
    "a chunk of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nxyz\r\nabc\r\n",
    "garbage": b"\x00\xff garbage \r\n\r\n",
    "nothing": b"",
    "another protocol": b"SSH-2.0-OpenSSH_9.7\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500,
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
}


@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN)
def test_what_is_not_whole_is_not_taken(said):
    def send(connection):
        with suppress(OSError):
            connection.sendall(said)

    with Raw(send) as server:
        asking = http(server)
        with pytest.raises(Unavailable, match="cannot be had"):
            asking.get("")
    assert len(asking.waits) == 4


def test_a_broken_exchange_is_tried_again():
    with Raw(lambda _: None, lambda each: each.sendall(cut_short(b"half", 8)), answer(b"whole")) as server:
        assert http(server).get("").body == b"whole"


def test_more_than_it_says_is_not_taken_for_the_next_answer():
    forged = answer(b"real") + answer(b"forged")
    with Raw(forged, answer(b"next")) as server:
        asking = http(server)
        assert asking.get("a").body == b"real"
        time.sleep(0.02)  # what comes too much has come
        assert asking.get("b").body == b"next"


def test_nobody_there():
    with Raw(b"") as server:
        pass
    asking = http(server)
    with pytest.raises(Unavailable, match="cannot be had"):
        asking.get("")
    assert len(asking.waits) == 4


def test_a_size_that_is_announced_is_refused_at_once():
    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"x" * 1000)

    with Raw(endless) as server, pytest.raises(TooLarge):
        http(server).get("", most=1000)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "head", [b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Content-Length: 5\xb2\r\n"]
)
def test_a_body_without_end_is_left(head):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        piece = b"x" * 5000
        with suppress(OSError):
            while True:
                connection.sendall(b"1388\r\n" + piece + b"\r\n" if b"chunked" in head else piece)

    with Raw(endless) as server:
        with pytest.raises(TooLarge):
            http(server).get("", most=100_000)
        assert len(http(server).get("", most=100_000, cut=True).body) == 100_000


def test_an_apology_without_end_is_left():
    def endless(connection):
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"x" * 5000)

    with Raw(endless) as server, pytest.raises(NotFound):
        http(server).get("")


@pytest.mark.parametrize(
    "begin",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nF4240\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
    ],
    ids=["length", "chunked", "close", "headers"],
)
def test_what_comes_a_byte_at_a_time_has_its_time(begin):
    def drip(connection):
        connection.sendall(begin)
        with suppress(OSError):
            for _ in range(2000):
                connection.sendall(b"x")
                time.sleep(0.002)

    with Raw(drip) as server, pytest.raises(Unavailable, match="cannot be had"):
        http(server, clock=Fast(), attempts=1).get("")


def test_a_body_that_is_not_wanted_is_not_read():
    def film(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 1000000000\r\n\r\n")
        with suppress(OSError):
            for _ in range(200_000):
                connection.sendall(b"x" * 5000)
            sent.append("all of it")

    sent = []
    with Raw(film) as server:
        reply = http(server).get("", most=2**20, reads=lambda said: said["content-type"] == "text/html")
    assert (reply.status, reply.body, sent) == (200, b"", [])


def test_the_head_alone():
    with Raw(answer(Content_Length=10**9)) as server:
        assert http(server).ask("HEAD", "").headers["content-length"] == "1000000000"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_make_anything_but_an_answer_or_an_error(said, begun):
    head = b"HTTP/1.1 200 OK\r\n" if begun else b""
    with Raw(lambda connection: connection.sendall(head + said)) as server, suppress(AverError):
        http(server, attempts=1).get("", most=100)


def test_origins():
    assert origin("https://A.example/x") == ("https", "a.example", 443) == origin("https://a.example:443")
    assert origin("http://a.example:8080/") == ("http", "a.example", 8080)


def test_json_that_is_none():
    with Raw(answer(b"<html>")) as server, pytest.raises(Unavailable, match="did not answer with JSON"):
        http(server).get("").json()
