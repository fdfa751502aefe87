"""API keys: made once, known by digest alone, gone when revoked; on either engine."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from aver.core import Principal
from aver.core.errors import InvalidInput, NotFound, Unauthenticated
from aver.store import Store


@pytest.fixture
def store(store: Store) -> Store:
    store.create_tenant("acme")
    store.create_tenant("other")
    return store


def test_a_secret_stands_for_its_user(store):
    key, secret = store.create_key("acme", "ann", ["staff", "hr"], ["admin"])
    acme = store.tenant("acme").tenant
    assert re.fullmatch(r"aver_[A-Za-z0-9_-]{43}", secret)
    assert store.authenticate(secret).principal == Principal(
        acme.id, "ann", frozenset({"staff", "hr"}), frozenset({"admin"})
    )
    assert store.keys("acme") == store.keys(acme.id) == [key]
    assert (key.tenant, key.user, key.groups, key.roles) == (
        acme.id,
        "ann",
        frozenset({"staff", "hr"}),
        frozenset({"admin"}),
    )


def test_the_secret_is_stored_nowhere(store, tmp_path):
    _, secret = store.create_key("acme", "ann", [])
    with store._database.read() as tx:
        rows = repr(tx.execute(text("SELECT * FROM api_keys")).all())
    stored = rows.encode() + b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret.encode() not in stored
    assert secret.removeprefix("aver_").encode() not in stored


def test_whatever_is_no_secret_is_refused_alike(store):
    key, secret = store.create_key("acme", "ann", [])
    wrong = [
        "",
        "aver_",
        secret[:-1],
        secret + "x",
        secret.swapcase(),
        " " + secret,
        key.id,
        "\ud800",
        "x" * 100_000,
        "\0",
    ]
    said = set()
    for attempt in wrong:
        with pytest.raises(Unauthenticated) as caught:
            store.authenticate(attempt)
        said.add(str(caught.value))
    assert len(said) == 1


def test_a_revoked_key_is_refused_at_once_and_others_stay(store):
    (first, first_secret), (second, second_secret) = (store.create_key("acme", "ann", []) for _ in range(2))
    store.revoke_key("acme", first.id)
    with pytest.raises(Unauthenticated):
        store.authenticate(first_secret)
    assert store.authenticate(second_secret).user == "ann"
    assert store.keys("acme") == [second]
    with pytest.raises(NotFound):
        store.revoke_key("acme", first.id)


def test_a_tenant_can_neither_see_nor_revoke_the_keys_of_another(store):
    key, secret = store.create_key("acme", "ann", [])
    assert store.keys("other") == []
    with pytest.raises(NotFound):
        store.revoke_key("other", key.id)
    assert store.revoke_user_keys("other", "ann") == 0
    assert store.authenticate(secret).user == "ann"


def test_erasing_a_user_revokes_their_keys_and_leaves_no_name_in_the_files(store, tmp_path, postgres, database_url):
    _, gone = store.create_key("acme", "a-user-to-be-erased", ["a-group-of-one"])
    store.create_key("acme", "a-user-to-be-erased", [])
    _, kept = store.create_key("acme", "bob", [])
    assert store.revoke_user_keys("acme", "a-user-to-be-erased") == 2
    with pytest.raises(Unauthenticated):
        store.authenticate(gone)
    assert store.authenticate(kept).user == "bob"
    files = tmp_path
    if database_url is not None:
        postgres.execute("CHECKPOINT")
        files = postgres.data / "base"
    held = b"".join(path.read_bytes() for path in files.rglob("*") if path.is_file())
    assert b"a-user-to-be-erased" not in held
    assert b"a-group-of-one" not in held


def test_unknown_tenants_and_misleading_names_get_no_key(store):
    with pytest.raises(NotFound):
        store.create_key("nobody", "ann", [])
    with pytest.raises(InvalidInput):
        store.create_key("acme", "", [])
    with pytest.raises(InvalidInput):
        store.create_key("acme", "ann", ["staff\n"])
    assert store.keys("acme") == []
