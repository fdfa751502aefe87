"""Sources and lineage over real HTTP: what the key's user may know, and what takes a role."""

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.knowledge.sources import parse_sources
from tests.servers import open_application, serving, write_handbook

QUESTION = "How many days of unused leave carry over?"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    application = open_application(Settings(data=folder / "data"))
    application.store.create_tenant("northwind")
    handbook, _ = write_handbook(folder)
    (handbook / "empty.md").write_text("")
    rules = "[{match: '**', readers: [everyone]}, {match: salaries.md, readers: ['group:board']}]"
    declared = f"sources: {{handbook: {{kind: folder, path: '{handbook}', every: 1h, access: {rules}}}}}"
    sources = application.tenant("northwind").sources
    sources.declare(parse_sources(declared, "s.yaml"))
    sources.follow("handbook")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture
async def call(server):
    async with aiohttp.ClientSession() as session:

        async def request(method, path, *, user="ann", groups=(), roles=(), **options):
            key = server.application.create_key("northwind", user, groups, roles)[1]
            headers = {"Authorization": f"Bearer {key}"}
            async with session.request(method, server.url + path, headers=headers, **options) as response:
                return response.status, await response.json(content_type=None)

        yield request


async def test_a_keeper_is_told_of_failures_readers_and_quality(call):
    status, found = await call("GET", "/v1/sources", roles=["admin"])
    assert status == 200
    (handbook,) = found["sources"]
    assert handbook["whole"]
    assert (handbook["documents"], handbook["every"]) == (2, 3600)
    assert handbook["lag"] >= 0
    assert handbook["report"]["failed"][0]["path"] == "empty.md"
    assert handbook["readership"] == {"everyone": 1, "named": 1, "nobody": 0, "readers": {"group:board": 1}}
    assert handbook["quality"]["documents"] == 2
    status, one = await call("GET", "/v1/sources/handbook", roles=["admin"], params={"stale_days": 7})
    assert one["quality"]["stale_days"] == 7
    assert (status, one["name"]) == (200, "handbook")


async def test_anyone_else_of_what_they_may_read(call):
    _, found = await call("GET", "/v1/sources")
    (handbook,) = found["sources"]
    assert handbook["documents"] == 1
    assert handbook["whole"] is False
    assert handbook["problem"] is handbook["report"] is handbook["readership"] is None
    _, more = await call("GET", "/v1/sources/handbook", groups=["board"])
    assert more["documents"] == 2


async def test_what_is_wrong_is_a_problem(call):
    status, problem = await call("GET", "/v1/sources/nothing/such")
    assert (status, problem["title"]) == (404, "not found")
    status, problem = await call("GET", "/v1/sources", params={"stale_days": 0})
    assert status == 422
    assert problem["errors"][0]["field"] == "stale_days"


async def test_the_lineage_of_ones_own_answer_and_of_no_other(call):
    _, answer = await call("POST", "/v1/ask", json={"question": QUESTION})
    status, lineage = await call("GET", f"/v1/turns/{answer['turn']}/lineage")
    assert status == 200
    rests = lineage["rests"][0]
    assert rests["citation"] == answer["citations"][0]
    assert (rests["origin"]["source"], rests["origin"]["path"]) == ("handbook", "leave.md")
    assert rests["step"] > 0
    status, _ = await call("GET", f"/v1/turns/{answer['turn']}/lineage", user="bo", roles=["admin"])
    assert status == 404


async def test_the_answers_that_cite_a_document_take_the_role(call):
    _, answer = await call("POST", "/v1/ask", json={"question": QUESTION})
    document = answer["citations"][0]["document"]
    status, problem = await call("GET", f"/v1/documents/{document}/lineage")
    assert (status, problem["title"]) == (403, "forbidden")
    status, lineage = await call("GET", f"/v1/documents/{document}/lineage", user="kay", roles=["admin"])
    assert status == 200
    assert [version["version"] for version in lineage["versions"]] == [1]
    assert answer["turn"] in [each["turn"] for each in lineage["answers"]]
    assert answer["citations"][0]["quote"] not in str(lineage)
    status, _ = await call("GET", f"/v1/documents/{'doc_' + 'a' * 26}/lineage", user="kay", roles=["admin"])
    assert status == 404
    status, _ = await call("GET", "/v1/documents/nothing/lineage")
    assert status == 403
