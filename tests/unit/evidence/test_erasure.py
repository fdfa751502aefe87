"""After an erasure neither name nor words nor key is in any file, in the database's unused pages or its log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from aver.core import SystemClock
from aver.core.errors import NotFound
from aver.evidence import Draft, Ledger
from aver.store import Store, TenantStore

NAME, WORDS = "user:hildegard-von-bingen", "may I grow hops behind the chapel"


def write(tenant: TenantStore, ledger: Ledger, subject: str, turns: int = 30) -> None:
    for number in range(turns):
        with tenant.begin() as tx:
            body = {"text": WORDS, "user": subject, "padding": "x" * 3000}
            drafts = [
                Draft(f"turn_{subject[5:8]}_{number}", kind, subject, {"n": number}, body)
                for kind in ("admitted", "sealed")
            ]
            ledger.append_all(tx, drafts)


def wrapped_keys(tenant: TenantStore) -> dict[str, bytes]:
    connection = sqlite3.connect(tenant.directory / "tenant.db")
    try:
        return dict(connection.execute("SELECT id, key FROM subjects").fetchall())
    finally:
        connection.close()


def files_with(folder: Path, *needles: bytes) -> set[str]:
    return {
        f"{path.name}: {needle[:20]!r}"
        for path in folder.rglob("*")
        if path.is_file()
        for needle in needles
        if needle in path.read_bytes()
    }


def test_nothing_of_the_subject_is_left_in_any_file(
    store: Store, tenant: TenantStore, ledger: Ledger, tmp_path: Path
) -> None:
    write(tenant, ledger, "user:someone-else", 3)
    others = set(wrapped_keys(tenant))
    write(tenant, ledger, NAME)
    ((subject, wrapped),) = ((key, value) for key, value in wrapped_keys(tenant).items() if key not in others)
    with tenant.read() as tx:
        opened = ledger._keys.open(tx, [subject])[subject]
    assert opened is not None
    assert files_with(tmp_path, wrapped), "the search must be able to find a key that is there"

    ledger.erase(NAME)

    secrets = (
        wrapped,
        wrapped[12:44],
        opened.secret,
        opened.secret.hex().encode(),
        NAME.encode(),
        NAME[5:].encode(),
        WORDS.encode(),
    )
    assert not files_with(tmp_path, *secrets)
    store.close()
    assert not files_with(tmp_path, *secrets)


def test_words_are_in_no_file_even_before(tenant: TenantStore, ledger: Ledger, tmp_path: Path) -> None:
    write(tenant, ledger, NAME)
    assert not files_with(tmp_path, WORDS.encode(), NAME.encode(), NAME[5:].encode())


def test_an_erasure_cut_off_before_its_scrub_is_finished_by_asking_again(
    tenant: TenantStore, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tenant, ledger, NAME)
    ((_, wrapped),) = wrapped_keys(tenant).items()

    def killed() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tenant, "scrub", killed)
        with pytest.raises(KeyboardInterrupt):
            ledger.erase(NAME)
    assert files_with(tmp_path, wrapped)
    with pytest.raises(NotFound):
        Ledger(tenant, SystemClock()).erase(NAME)
    assert not files_with(tmp_path, wrapped)
    assert ledger.verify().ok
