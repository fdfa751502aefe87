"""Every byte of an export counts, and what fails is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.core import canonical_json
from aver.core.errors import InvalidInput, StorageFull
from aver.evidence import Draft, Ledger, verify_export
from aver.store import TenantStore


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small turns, one of an erased subject, with the content that is left."""
    from aver.core import SystemClock
    from aver.store import Store

    folder = tmp_path_factory.mktemp("export")
    store = Store(folder / "data")
    store.create_tenant("acme")
    tenant = store.tenant("acme")
    ledger = Ledger(tenant, SystemClock())
    for subject in ("user:ana", "user:bo"):
        with tenant.begin() as tx:
            body = {"text": "Grüße", "n": 0.5}
            ledger.append_all(
                tx, [Draft("turn_1", "admitted", subject, {"n": 1}, body), Draft("turn_1", "sealed", subject)]
            )
    ledger.erase("user:ana")
    ledger.export(folder / "out.jsonl", with_content=True)
    store.close()
    return folder / "out.jsonl"


def step_of(line: bytes) -> int | None:
    value = json.loads(line)
    return (value.get("step") or value.get("checkpoint") or {}).get("seq")


def test_any_byte_changed_is_caught_and_named(exported: Path, tmp_path: Path) -> None:
    data, damaged = exported.read_bytes(), tmp_path / "damaged.jsonl"
    lines = data.splitlines(keepends=True)
    about = [step_of(line) for line in lines for _ in line]
    for position, seq in enumerate(about):
        flip = (0x01, 0x20, 0x80)[position % 3]
        damaged.write_bytes(data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :])
        found = verify_export(damaged)
        assert not found.ok, position
        assert found.reason
        if seq is not None:
            assert found.first_bad == seq, (position, found)


@pytest.mark.parametrize("end", ["whole lines", "anywhere"])
def test_a_file_cut_off_is_caught(exported: Path, tmp_path: Path, end: str) -> None:
    data, damaged = exported.read_bytes(), tmp_path / "damaged.jsonl"
    lines = data.splitlines(keepends=True)
    cuts = (
        [len(b"".join(lines[:n])) for n in range(1, len(lines))] if end == "whole lines" else range(200, len(data), 97)
    )
    for cut in cuts:
        damaged.write_bytes(data[:cut])
        found = verify_export(damaged)
        assert not found.ok
        assert found.reason


def edits(lines: list[bytes]) -> list[tuple[str, list[bytes], int | None]]:
    """Every line dropped, doubled, swapped with the next; which step is the first bad one, where it is one."""
    made: list[tuple[str, list[bytes], int | None]] = []
    for index, line in enumerate(lines[1:-1], 1):
        seq, is_step = step_of(line), line.startswith(b'{"step"') or b'"step":{' in line
        made.append((f"drop {index}", lines[:index] + lines[index + 1 :], seq))
        made.append((f"double {index}", [*lines[: index + 1], *lines[index:]], seq))
        if index < len(lines) - 2:
            swapped = [*lines[:index], lines[index + 1], line, *lines[index + 2 :]]
            made.append((f"swap {index}", swapped, seq if is_step else None))
    return made


def test_lines_dropped_doubled_or_swapped_are_named(exported: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.jsonl"
    for name, lines, seq in edits(exported.read_bytes().splitlines(keepends=True)):
        damaged.write_bytes(b"".join(lines))
        found = verify_export(damaged)
        assert not found.ok, name
        assert found.reason
        if seq is not None:
            assert found.first_bad == seq, (name, found)


def test_what_is_added_after_the_end_is_caught(exported: Path, tmp_path: Path) -> None:
    for more in (b"\n", b" ", b"{}\n", exported.read_bytes()):
        (tmp_path / "more.jsonl").write_bytes(exported.read_bytes() + more)
        assert "after the footer" in verify_export(tmp_path / "more.jsonl").reason


def rewritten(exported: Path, change: Callable[[list[dict]], None]) -> bytes:
    lines = [json.loads(line) for line in exported.read_bytes().splitlines()]
    change(lines)
    return b"".join(canonical_json(line) + b"\n" for line in lines)


@pytest.mark.parametrize(
    ("change", "first_bad"),
    [
        (lambda lines: lines[4]["disclosed"]["body"].update(text="other words"), 3),
        (lambda lines: lines[4].pop("disclosed"), None),
        (lambda lines: lines[4]["disclosed"].update(key="00" * 32), 3),
        (lambda lines: lines[4]["step"].update(content=[]), 3),
        (lambda lines: lines[4]["step"].update(seq="3"), 3),
        (lambda lines: lines[4]["step"].update(seq=True), 3),
        (lambda lines: lines[4]["step"].update(extra=1), 3),
        (lambda lines: lines[4]["step"].update(tenant=None), 3),
        (lambda lines: lines[3]["checkpoint"].update(signature=None), 2),
        (lambda lines: lines[3]["checkpoint"].update(at=7), 2),
        (lambda lines: lines[0]["header"].update(with_content=False), None),
        (lambda lines: lines[0]["header"].update(version=2), None),
        (lambda lines: lines[-1]["footer"].update(steps=4), None),
        (lambda lines: lines[-1]["footer"].update(signature="zz"), None),
        (lambda lines: lines[-1].update(footer=[]), None),
    ],
)
def test_a_file_rewritten_in_good_form_is_caught(exported: Path, tmp_path: Path, change, first_bad: int | None) -> None:
    (tmp_path / "rewritten.jsonl").write_bytes(rewritten(exported, change))
    found = verify_export(tmp_path / "rewritten.jsonl")
    assert (found.ok, found.first_bad) == (False, first_bad), found


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_noise_in_place_of_any_stretch_is_caught(exported: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = exported.read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start, min(len(whole), start + 2000)))
    noise = data.draw(st.binary(max_size=50) | st.sampled_from([b"\n", b"{}\n", b'{"step":{}}\n', b"[" * 100_000]))
    damaged = whole[:start] + noise + whole[end:]
    if damaged == whole:
        return
    (tmp_path / "damaged.jsonl").write_bytes(damaged)
    try:
        found = verify_export(tmp_path / "damaged.jsonl")
    except InvalidInput:
        assert start < 4096
        assert end > len(whole) - 4096
    else:
        assert not found.ok


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"hello", b"\x89PNG\r\n" * 1000, b"{}", b'{"header":{}}\n', b"\0" * 10_000]
)
def test_what_is_no_export_is_invalid_input(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(InvalidInput, match="not exported evidence"):
        verify_export(tmp_path / "other")


def test_what_cannot_be_read_is_invalid_input(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be read"):
            verify_export(path)


def test_an_empty_ledger_exports(ledger: Ledger, tmp_path: Path) -> None:
    ledger.export(tmp_path / "out.jsonl")
    found = verify_export(tmp_path / "out.jsonl")
    assert (found.ok, found.steps) == (True, 0)


def test_a_failure_leaves_the_file_that_was_there(
    tenant: TenantStore, ledger: Ledger, tmp_path: Path, monkeypatch
) -> None:
    import errno
    import os

    out = tmp_path / "out.jsonl"
    out.write_text("kept")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageFull):
            ledger.export(out)
    assert out.read_text() == "kept"
    for bad in (tmp_path / "absent" / "out.jsonl", out / "below", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be written"):
            ledger.export(bad)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out.jsonl"]
