"""The composition root, on its own: tenants, keys, readiness."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import orjson
import pytest

from aver.core.errors import InvalidInput, NotFound, StorageFull, Unauthenticated, Unavailable
from aver.core.settings import Settings
from aver.server.application import Application
from aver.server.wire import to_json
from aver.testing import HashEmbedder


@pytest.fixture
def application(tmp_path):
    application = Application(Settings(data=tmp_path), embedder=HashEmbedder())
    yield application
    application.close()


def test_a_tenant_is_entered_once_by_name_or_id(application):
    tenant = application.store.create_tenant("acme")
    assert application.tenant("acme") is application.tenant(tenant.id)
    with pytest.raises(NotFound):
        application.tenant("other")


def test_ready_once_the_model_is_loaded(application):
    with pytest.raises(Unavailable):
        application.check_ready()
    application.warm()
    application.check_ready()


def test_a_key_that_cannot_be_recorded_does_not_exist(application, monkeypatch):
    application.store.create_tenant("acme")

    def full(*_, **__):
        raise StorageFull("The disk is full", "Make room.")

    monkeypatch.setattr(application.tenant("acme").ledger, "append", full)
    with pytest.raises(StorageFull):
        application.create_key("acme", "ann")
    assert application.store.keys("acme") == []


def test_a_key_has_the_roles_that_there_are_and_those_that_second_persons_have(tmp_path):
    agents = "agents: {clerk: {model: m, four_eyes: {effects: [send], role: approver}}}"
    provider = "providers: {p: {kind: openai, base_url: 'https://api.example.com/v1'}}\nmodels: {m: {provider: p}}"
    (tmp_path / "aver.yaml").write_text(f"{provider}\n{agents}\n")
    application = Application(Settings(data=tmp_path / "data", bundle=tmp_path), embedder=HashEmbedder())
    application.store.create_tenant("acme")
    _, secret = application.create_key("acme", "kim", roles=["approver", "admin"])
    assert application.store.authenticate(secret).roles == {"approver", "admin"}
    with pytest.raises(
        InvalidInput,
        match=r"There is no role 'aprover'. There is admin, approver, auditor, builder, member, operator, owner, reviewer.",
    ):
        application.create_key("acme", "kim", roles=["aprover"])
    application.close()


def test_erasing_revokes_the_keys_of_that_person_alone(application):
    application.store.create_tenant("acme")
    _, gone = application.create_key("acme", "ann")
    _, kept = application.create_key("acme", "bo")
    application.erase("acme", "ann")
    with pytest.raises(Unauthenticated):
        application.store.authenticate(gone)
    assert application.store.authenticate(kept).user == "bo"
    with pytest.raises(NotFound):
        application.erase("acme", "ann")


def test_a_release_is_pinned_to_what_decides(tmp_path):
    digests = set()
    for number, settings in enumerate((Settings(), Settings(), Settings(max_question_chars=100))):
        application = Application(
            Settings(data=tmp_path / str(number), max_question_chars=settings.max_question_chars),
            embedder=HashEmbedder(),
        )
        digests.add(application.release.digest)
        application.close()
    assert len(digests) == 2


def test_json_has_one_form_for_times_sets_and_what_it_cannot_hold():
    value = {
        "at": datetime.fromisoformat("2026-02-03T04:05:06+02:00"),
        "groups": frozenset("ba"),
        "score": float("nan"),
    }
    expected = {"at": "2026-02-03T02:05:06.000000Z", "groups": ["a", "b"], "score": None}
    assert orjson.loads(to_json(value)) == expected
    with pytest.raises(TypeError):
        to_json(object())


def test_a_part_is_made_once_however_many_ask(application):
    application.store.create_tenant("acme")
    services = application.tenant("acme")
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: id(services.knowledge), range(64)))
    assert len(made) == 1
