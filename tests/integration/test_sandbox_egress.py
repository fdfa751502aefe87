"""What a tool in a sandbox reaches of the network: what it declares, and that without its secrets."""

import asyncio
import contextlib
import datetime
import ssl
from base64 import b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aver.agents.sandbox import Host, Limits, Network, Sandbox, SandboxSettings, SandboxUnavailable, Secret
from aver.agents.sandbox.egress import Proxy
from aver.agents.tools import open_tools, parse_tools
from aver.core.errors import Undecided
from aver.gateway.credentials import Secrets

SECRET = "the-real-secret-of-this-test"
AMPLE = Limits(seconds=120, cpu_seconds=60)
ASK = """
import json, os, urllib.error, urllib.request
def ask(url, data=None, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=60) as reply:
            return [reply.status, reply.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]
    except Exception as error:
        return [0, str(error)]
"""


def _available():
    found = []
    for level in ("strict", "process"):
        sandbox = Sandbox(SandboxSettings(level))
        try:
            asyncio.run(sandbox.probe())
            found.append(pytest.param(sandbox, id=level))
        except SandboxUnavailable as error:
            if "cannot hold the level 'strict'" not in error.cause:
                raise
    return found


@pytest.fixture(params=_available())
def sandbox(request):
    return request.param


@contextlib.asynccontextmanager
async def far_side(tls=None, head=b"", status=b"200 OK"):
    """Answers each request with the request itself, head and body; yields its port and what it was asked."""
    asked = []

    async def answer(reader, writer):
        try:
            got = await reader.readuntil(b"\r\n\r\n")
            for line in got.lower().splitlines():
                if line.startswith(b"content-length:"):
                    got += await reader.readexactly(int(line.split(b":")[1]))
        except asyncio.IncompleteReadError:
            writer.close()
            return
        asked.append(got)
        writer.write(b"HTTP/1.1 " + status + b"\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(got) + got)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


async def test_a_declared_host_is_reached_and_every_attempt_is_told(sandbox):
    async with far_side() as (port, asked):
        network = Network([Host("127.0.0.1", port, tls=False, private=True)])
        code = f"{ASK}\n[ask('http://127.0.0.1:{port}/a?b=c', b'body'), ask('http://127.0.0.1:{port + 1}/'), ask('http://example.com/'), ask('http://169.254.169.254/latest')]"
        result = await sandbox.run_python(code, limits=AMPLE, network=network)
    reached, *refused = result.value
    assert reached[0] == 200
    assert reached[1].startswith("POST /a?b=c HTTP/1.1")
    assert reached[1].endswith("body")
    assert [status for status, _ in refused] == [403, 403, 403]
    assert b"proxy-authorization" not in asked[0].lower()
    said = [(each.host, each.port, each.method, bool(each.refused)) for each in result.report.connections]
    assert said == [
        ("127.0.0.1", port, "POST", False),
        ("127.0.0.1", port + 1, "GET", True),
        ("example.com", 80, "GET", True),
        ("169.254.169.254", 80, "GET", True),
    ]
    assert result.report.connections[0].received > 0


async def test_a_tunnel_is_made_to_a_declared_host_alone(sandbox):
    async with far_side() as (port, _):
        network = Network([Host("127.0.0.1", port, tls=False, private=True)])
        code = f"""
import http.client, os, urllib.parse, base64
at = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
token = base64.b64encode(f"{{at.username}}:{{at.password}}".encode()).decode()
def ask(port):
    there = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
    there.set_tunnel("127.0.0.1", port, {{"Proxy-Authorization": "Basic " + token}})
    try:
        there.request("GET", "/through")
        return there.getresponse().read().decode()
    except OSError as error:
        return str(error)
[ask({port}), ask(22)]
"""
        result = await sandbox.run_python(code, limits=AMPLE, network=network)
    through, refused = result.value
    assert through.startswith("GET /through HTTP/1.1")
    assert "403" in refused
    assert [each.method for each in result.report.connections] == ["CONNECT", "CONNECT"]


async def test_nothing_goes_around_the_proxy(sandbox):
    async with far_side() as (port, asked):
        network = Network([Host("127.0.0.1", port, tls=False, private=True)])
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 3)\n'reached'"
        result = await sandbox.run_python(code, limits=AMPLE, network=network)
        if "network" in result.report.holds:
            assert result.value is None
            assert not asked
        without_password = (
            "import os, urllib.request as u\nproxy = u.ProxyHandler({'http': 'http://' + os.environ['HTTP_PROXY'].rpartition('@')[2]})\n"
            f"u.build_opener(proxy).open('http://127.0.0.1:{port}/')"
        )
        result = await sandbox.run_python(without_password, limits=AMPLE, network=network)
        assert "407" in result.failed


async def test_the_secret_is_put_in_on_the_way_and_taken_out_on_the_way_back(sandbox):
    async with far_side() as (port, asked), far_side() as (elsewhere, overheard):
        network = Network(
            [Host("127.0.0.1", port, tls=False, private=True), Host("localhost", elsewhere, tls=False, private=True)],
            [Secret("API_KEY", SECRET, ["127.0.0.1"])],
        )
        code = f"""{ASK}
key = os.environ["API_KEY"]
[key, ask("http://127.0.0.1:{port}/" + key, key.encode(), Authorization="Bearer " + key, Other=key),
 ask("http://localhost:{elsewhere}/", Authorization="Bearer " + key)]
"""
        result = await sandbox.run_python(code, limits=AMPLE, network=network)
    key, reply, other = result.value
    assert b"Bearer " + SECRET.encode() in asked[0]
    assert asked[0].count(SECRET.encode()) == 1  # not in the path, the body, or a header that is not declared
    assert SECRET not in str(result)
    assert f"Authorization: Bearer {key}" in reply[1]
    assert other[0] == 200
    assert SECRET.encode() not in overheard[0]


@pytest.mark.parametrize("form", ["gzip", "br"])
async def test_an_answer_in_which_no_secret_could_be_found_is_refused(sandbox, form):
    async with far_side(head=f"Content-Encoding: {form}\r\n".encode()) as (port, _):
        network = Network([Host("127.0.0.1", port, tls=False, private=True)], [Secret("KEY", SECRET, ["127.0.0.1"])])
        result = await sandbox.run_python(f"{ASK}\nask('http://127.0.0.1:{port}/')", limits=AMPLE, network=network)
    assert result.value[0] == 502


async def test_a_private_address_is_refused_unless_it_is_declared(sandbox):
    async with far_side() as (port, asked):
        network = Network([Host("localhost", port, tls=False), Host("127.0.0.1", port, tls=False)])
        code = f"{ASK}\n[ask('http://localhost:{port}/'), ask('http://127.0.0.1:{port}/')]"
        result = await sandbox.run_python(code, limits=AMPLE, network=network)
    assert [status for status, _ in result.value] == [403, 403]
    assert "no public address" in result.report.connections[0].refused
    assert not asked


@pytest.mark.parametrize(
    "where", ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "http://10.0.0.1/"]
)
async def test_a_declared_host_cannot_send_on_to_a_private_one(sandbox, where):
    async with far_side(head=f"Location: {where}\r\n".encode(), status=b"302 Found") as (port, asked):
        network = Network([Host("127.0.0.1", port, tls=False, private=True)])
        result = await sandbox.run_python(f"{ASK}\nask('http://127.0.0.1:{port}/')", limits=AMPLE, network=network)
    assert result.value[0] == 403
    assert "is not declared" in result.report.connections[-1].refused
    assert len(asked) == 1


async def test_a_name_that_leads_to_a_private_address_is_refused(sandbox):
    """whatever it led to when it was declared."""
    network = Network([Host("localhost", 80, tls=False)])
    result = await sandbox.run_python(f"{ASK}\nask('http://localhost/')", limits=AMPLE, network=network)
    assert result.value[0] == 403
    assert "which is no public address" in result.value[1]


async def test_no_more_bytes_are_exchanged_than_are_declared(sandbox):
    async with far_side() as (port, _):
        network = Network([Host("127.0.0.1", port, tls=False, private=True)], megabytes=1)
        code = f"{ASK}\n[ask('http://127.0.0.1:{port}/', bytes(100_000))[0] for _ in range(8)]"
        result = await sandbox.run_python(code, limits=AMPLE, network=network)
    assert result.value[0] == 200
    assert 200 not in result.value[6:]
    assert "all the bytes" in result.report.connections[-1].refused


async def test_a_call_that_was_stopped_is_undecided_where_it_had_a_network(tmp_path):
    text = "tools: {code: {it: {sandbox: process, hosts: {example.com: {}}, limits: {seconds: 60s}}}}"
    box = await open_tools(parse_tools(text, "aver.yaml"), tmp_path, Secrets({}))
    with pytest.raises(Undecided, match="may have done its work"):
        await box.tools["run_python"].call({"code": "import os\nos._exit(1)"}, "")
    await box.close()


async def test_without_a_declaration_there_is_no_proxy(sandbox):
    result = await sandbox.run_python("import os\n[name for name in os.environ if 'proxy' in name.lower()]")
    assert result.value == []


async def test_tls_begins_at_the_proxy_and_the_certificate_is_checked(tmp_path):
    certificate, key = _certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    async with far_side(server) as (port, asked):
        network = Network([Host("localhost", port, private=True)], [Secret("KEY", SECRET, ["localhost"])])
        trusting = ssl.create_default_context(cafile=certificate)
        for context, status in ((trusting, b"200"), (None, b"502")):
            async with Proxy(network, context) as proxy:
                at = await proxy.listen()
                auth = b64encode(proxy.token.encode())
                mark = proxy.placeholders["KEY"].encode()
                for target in (b"http://localhost:%d/x" % port, b"http://localhost/x"):
                    reply = await _ask(
                        at,
                        b"GET "
                        + target
                        + b" HTTP/1.1\r\nHost: other\r\nProxy-Authorization: Basic "
                        + auth
                        + b"\r\nAuthorization: "
                        + mark
                        + b"\r\n\r\n",
                    )
                    assert reply.split()[1] == status
                refused = await _ask(
                    at,
                    b"CONNECT localhost:%d HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic " % port
                    + auth
                    + b"\r\n\r\n",
                )
                assert refused.split()[1] == b"403"
                assert b"Speak http" in refused
    assert len(asked) == 2
    assert all(SECRET.encode() in each and b"Host: localhost:" in each for each in asked)


@pytest.mark.parametrize(
    "words",
    [
        b"\0\1\2\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET https://x/ HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT [::1 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://x:99999/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\n" + b"a: b\r\n" * 50000 + b"\r\n", b"GET http://x/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"",
    ],
    ids=str.split("bytes path https no-port bracket brackets port headers lengths nothing"),
)  # fmt: skip
async def test_what_is_no_request_is_refused_and_told(words):
    async with Proxy(Network([])) as proxy:
        at = await proxy.listen()
        reply = await _ask(at, words)
        assert reply[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 407", b"HTTP/1.1 502", b"")
        assert all(each.refused for each in proxy.connections)


async def test_what_a_report_keeps_of_attempts_is_bounded():
    async with Proxy(Network([])) as proxy:
        at = await proxy.listen()
        auth = b"\r\nHost: x\r\nProxy-Authorization: Basic " + b64encode(proxy.token.encode()) + b"\r\n\r\n"
        for line in (b"GET http://" + b"x" * 50_000 + b"/ HTTP/1.1", b"G" * 50_000 + b" http://x/ HTTP/1.1"):
            assert (await _ask(at, line + auth)).startswith(b"HTTP/1.1 400")
        for _ in range(1100):
            await _ask(at, b"")
        assert len(str(proxy.connections)) < 200_000
        assert proxy.connections[-1].refused.startswith("More than 1000 connections")


async def _ask(port, words):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        writer.write(words)
        writer.write_eof()
        await writer.drain()
    reply = b""
    with contextlib.suppress(ConnectionError):
        reply = await reader.read()
    writer.close()
    return reply


def _certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private
