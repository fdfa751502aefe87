"""Operations of an HTTP API, called over real HTTP, and everything that its far side can answer."""

import asyncio
import json

import pytest

from aver.agents.tools import open_tools, parse_tools
from aver.core.errors import InvalidInput, SettingsError, Unavailable, Undecided
from aver.gateway.credentials import Secrets
from aver.testing.fakes.sources.serving import Answer
from aver.testing.fakes.tools import FakeShop, shop_document

SECRET = "shop-k3y-123456"
TOOLS = """
tools:
  openapi:
    shop:
      document: shop.json
      {url}
      credential: env:SHOP
      prefix: shop_
      limits: {{largest: 100000, seconds: {seconds}s}}
      tools:
        listOrders: {{effects: [read]}}
        getOrder: {{effects: [read], targets: [order]}}
        placeOrder: {{effects: [spend], reversal: compensable, compensation: cancelOrder}}
        cancelOrder: {{effects: [delete], targets: [order]}}
"""


@pytest.fixture
def shop():
    with FakeShop() as shop:
        yield shop


@pytest.fixture
async def box(shop, tmp_path):
    box = await opened(tmp_path, shop.document())
    yield box
    await box.close()


async def opened(folder, document, *, url="", seconds=20, secret=SECRET):
    (folder / "shop.json").write_text(json.dumps(document))
    text = TOOLS.format(url=f"url: {url}" if url else "", seconds=seconds)
    return await open_tools(parse_tools(text, "aver.yaml"), folder, Secrets({"SHOP": secret}))


async def test_an_order_is_placed_read_and_cancelled(box, shop):
    assert sorted(box.tools) == ["shop_cancelOrder", "shop_getOrder", "shop_listOrders", "shop_placeOrder"]
    assert [each.name for each in box.unusable] == ["putPicture"]
    assert box.tools["shop_placeOrder"].annotations.compensation == "shop_cancelOrder"
    assert box.tools["shop_placeOrder"].idempotent
    placed = await box.tools["shop_placeOrder"].call({"body": {"item": "pen/blue", "count": 2}}, "key-1")
    assert placed.value == {"id": "1", "item": "pen/blue", "count": 2}
    again = await box.tools["shop_placeOrder"].call({"body": {"item": "pen/blue", "count": 2}}, "key-1")
    assert again.value == placed.value
    assert len(shop.orders) == 1
    read = await box.tools["shop_getOrder"].call({"order": "1"}, "")
    assert read.value["item"] == "pen/blue"
    gone = await box.tools["shop_cancelOrder"].call({"order": "1"}, "")
    assert (gone.failed, gone.text) == (False, "Done; it answered with nothing.")
    missing = await box.tools["shop_getOrder"].call({"order": "1"}, "")
    assert missing.failed
    assert missing.text.startswith("Status 404:")


async def test_the_credential_is_where_the_document_wants_it_and_nowhere_else(box, shop):
    shop.meddle = lambda asked: Answer({"echo": dict(asked.headers), "query": asked.raw_path})
    result = await box.tools["shop_listOrders"].call({"tags": ["a b", "c&d"], "state": "open"}, "")
    asked = shop.asked[-1]
    assert asked.headers["x-shop-key"] == SECRET
    assert "authorization" not in asked.headers
    assert SECRET not in asked.raw_path
    assert asked.queries == {"state": ["open"], "tags": ["a b,c&d"]}
    assert SECRET not in str(result)
    assert result.value["echo"]["X-Shop-Key".lower()] == "[credential]"


async def test_a_path_is_never_left(box, shop):
    await box.tools["shop_getOrder"].call({"order": "a/b?c=d#e"}, "")
    assert shop.asked[-1].raw_path == "/orders/a%2Fb%3Fc%3Dd%23e"
    for out in ("../admin", "..", "%2e%2e/admin"):
        with pytest.raises(InvalidInput):
            await box.tools["shop_getOrder"].call({"order": out}, "")
    assert len(shop.asked) == 1


@pytest.mark.parametrize(
    ("answer", "effect", "read"),
    [
        (Answer({"message": "slow down"}, 429, {"Retry-After": "7"}), Unavailable, Unavailable),
        (Answer({"message": "boom"}, 500), Undecided, Unavailable),
        (Answer("upstream", 502), Undecided, Unavailable),
        (Answer("", 503), Undecided, Unavailable),
        (Answer("", 504), Undecided, Unavailable),
        (Answer("", 501), Unavailable, Unavailable),
        (Answer("", 302, {"Location": "https://evil.example/"}), Undecided, Unavailable),
        (Answer("", 307, {"Location": "https://evil.example/"}), Unavailable, Unavailable),
        (Answer({"id": "1", "item": "x" * 1000}, cut=True), Undecided, Undecided),
    ],
)
async def test_what_an_answer_says_of_whether_it_ran(box, shop, answer, effect, read):
    shop.meddle = lambda _: answer
    with pytest.raises((Unavailable, Undecided)) as of_effect:
        await box.tools["shop_placeOrder"].call({"body": {"item": "pen"}}, "k")
    with pytest.raises((Unavailable, Undecided)) as of_read:
        await box.tools["shop_getOrder"].call({"order": "1"}, "")
    assert (of_effect.type, of_read.type) == (effect, read)
    assert len(shop.asked) == 2  # neither is repeated, and no redirect is followed
    if answer.status == 429:
        assert of_effect.value.retry_after == 7
        assert "slow down" in of_effect.value.cause


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_a_refusal_is_a_result_that_failed(box, shop, status):
    shop.meddle = lambda _: Answer({"message": "no \x1b[31mway"}, status)
    result = await box.tools["shop_placeOrder"].call({"body": {"item": "pen"}}, "k")
    assert result.failed
    assert result.text.startswith(f"Status {status}")
    assert "\x1b" not in result.text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(b"{not json", headers={"Content-Type": "application/json"}), "is none"),
        (Answer({"id": 1}, 200), "not what it declares"),
        (Answer(b"\x89PNG", headers={"Content-Type": "image/png"}), "not what it declares"),
        (Answer(b"[" * 100_000, headers={"Content-Type": "application/json"}), "is none"),
    ],
)
async def test_an_answer_that_is_not_as_declared_has_failed(box, shop, answer, said):
    shop.meddle = lambda _: answer
    result = await box.tools["shop_getOrder"].call({"order": "1"}, "")
    assert result.failed
    assert said in result.text


async def test_an_answer_without_end_is_left(tmp_path):
    sent = 0

    async def serve(reader, writer):
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        try:
            while True:
                writer.write(b"1," * 32_768)
                await writer.drain()
                sent += 65_536
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    box = await opened(tmp_path, shop_document(), url=f"http://127.0.0.1:{port}")
    async with server:
        result = await box.tools["shop_listOrders"].call({}, "")
        await box.close()
    assert result.failed
    assert "more than 100,000 bytes" in result.text
    assert sent < 50_000_000


async def test_a_far_side_that_hangs_is_undecided(tmp_path):
    async def serve(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    box = await opened(tmp_path, shop_document(), url=f"http://127.0.0.1:{port}", seconds=0.2)
    async with server:
        with pytest.raises(Undecided, match=r"did not answer within 0\.2 s"):
            await box.tools["shop_listOrders"].call({}, "")
        await box.close()


async def test_a_far_side_that_is_not_there_did_not_do_it(tmp_path, unused_port):
    box = await opened(tmp_path, shop_document(), url=f"http://127.0.0.1:{unused_port}")
    with pytest.raises(Unavailable, match="cannot be reached") as raised:
        await box.tools["shop_placeOrder"].call({"body": {"item": "pen"}}, "k")
    assert SECRET not in str(raised.value)
    await box.close()


@pytest.fixture
def unused_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.mark.parametrize("secret", ["two\nlines-secret", "nön-ascii-secret"])
async def test_a_credential_that_no_header_may_hold_is_not_repeated(shop, tmp_path, secret):
    box = await opened(tmp_path, shop.document(), secret=secret)
    with pytest.raises(Unavailable) as raised:
        await box.tools["shop_listOrders"].call({}, "")
    assert "secret" not in str(raised.value).replace("credential", "")
    assert shop.asked == []
    await box.close()


async def test_a_credential_does_not_travel_in_clear(tmp_path):
    box = await opened(tmp_path, shop_document(), url="http://shop.example.com")
    assert box.tools == {}
    (left,) = [each for each in box.unusable if not each.name]
    assert "would travel in clear" in left.cause


async def test_a_document_that_is_wrong_is_said_and_mended(shop, tmp_path):
    box = await opened(tmp_path, {"openapi": "2.0"})
    assert box.tools == {}
    assert "no OpenAPI 3 document" in box.unusable[0].cause
    (tmp_path / "shop.json").write_text(json.dumps(shop.document()))
    await box.refresh()
    assert "shop_getOrder" in box.tools
    (tmp_path / "shop.json").unlink()
    await box.refresh()
    assert "shop_getOrder" in box.tools
    assert "cannot be read" in box.unusable[0].cause
    await box.close()


async def test_a_bundle_without_tools_has_none(tmp_path):
    box = await open_tools(parse_tools("providers: {}", "aver.yaml"), tmp_path, Secrets({}))
    assert (box.tools, box.unusable) == ({}, [])
    with pytest.raises(SettingsError):
        parse_tools("tools: {pyton: {}}", "aver.yaml")
