import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core import canonical_json
from aver.evidence.record import SIGNED, CheckpointRow, StepRow, commitment, frame
from aver.evidence.types import StepKind

any_text = st.text(st.characters(exclude_categories=()))  # surrogates too
FIELDS = ("tenant", "turn", "kind", "at", "subject", "facts", "prev")


@given(fields=st.fixed_dictionaries(dict.fromkeys(FIELDS, any_text)), seq=st.integers())
def test_a_record_is_the_canonical_json_of_its_fields(fields: dict[str, str], seq: int) -> None:
    content = commitment(b"content")
    before, after = frame(**fields, seq=seq)
    expected = canonical_json({**fields, "content": content.decode(), "seq": seq, "version": 1})
    assert before + content + after == expected


def test_the_hash_of_a_step_is_what_the_documentation_says() -> None:
    row = StepRow(
        "tenant_1", 7, "turn_1", "admitted", "2026-02-03T04:05:06.000000Z", "subject_1", "{}", b"x" * 30, "0" * 64, ""
    )
    published = (
        '{"at":"2026-02-03T04:05:06.000000Z","content":"' + hashlib.sha256(b"x" * 30).hexdigest() + '","facts":"{}",'
        '"kind":"admitted","prev":"'
        + "0" * 64
        + '","seq":7,"subject":"subject_1","tenant":"tenant_1","turn":"turn_1","version":1}'
    )
    assert row.digest() == hashlib.sha256(published.encode()).hexdigest()


@pytest.mark.parametrize("column", [name for name in StepRow._fields if name != "hash"])
def test_every_column_is_in_the_hash(column: str) -> None:
    row = StepRow("tenant_1", 7, "turn_1", "admitted", "now", "subject_1", "{}", b"x" * 30, "0" * 64, "")
    other = {"seq": 8, "content": b"y" * 30}.get(column, "other")
    assert row._replace(**{column: other}).digest() != row.digest()


def test_a_checkpoint_signs_its_every_column() -> None:
    row = CheckpointRow("tenant_1", 7, "ab", "now", b"")
    messages = {
        row._replace(**{name: 8 if name == "seq" else "x"}).message() for name in ("tenant", "seq", "hash", "at")
    }
    assert len(messages | {row.message()}) == 5


def test_the_signed_kinds_are_kinds() -> None:
    assert set(StepKind.__args__) > SIGNED  # type: ignore[attr-defined]
    assert len(commitment(b"")) == 64
