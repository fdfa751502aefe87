"""Values taken out come back to those who may have them, and to nobody else."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from aver.core import Principal
from aver.core.errors import NotFound
from aver.evidence import Ledger
from aver.guard import Finding, Vault
from aver.guard.store import vaulted_values
from aver.guard.vault import anyone_of_the_tenant
from aver.testing.clock import FixedClock

TEXT = "Ada met Bob. Ada left."
FOUND = [Finding("PERSON", 0, 3, 1.0), Finding("PERSON", 8, 11, 1.0), Finding("PERSON", 13, 16, 1.0)]


@pytest.fixture
def tenant(store):
    store.create_tenant("acme")
    return store.tenant("acme")


@pytest.fixture
def ann(tenant):
    return Principal(tenant.tenant.id, "ann")


@pytest.fixture
def vault(tenant):
    return Vault(tenant, FixedClock(), anyone_of_the_tenant)


def test_there_and_back(vault, ann):
    redacted = vault.redact(ann, "c1", TEXT, FOUND)
    assert "Ada" not in redacted
    assert "Bob" not in redacted
    first, second, third = (part.split("⟧")[0] for part in redacted.split("⟦")[1:])
    assert first == third != second
    assert first.startswith("PERSON_1_")
    restored = vault.restore(ann, "c1", redacted)
    assert (restored.value, restored.restored, restored.kept) == (TEXT, 3, 0)


def test_tokens_stay_the_same_through_a_conversation_and_differ_between_two(vault, ann):
    one = vault.redact(ann, "c1", "Ada", FOUND[:1])
    assert vault.redact(ann, "c1", "Ada", FOUND[:1]) == one
    assert vault.redact(ann, "c2", "Ada", FOUND[:1]) != one


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        "⟦{}⟧",
        "[[{}]]",
        "[{}]",
        "【{}】",
        "⟦ {} ⟧",
        "**⟦{}⟧**",
        "⟦{}⟧'s",
        "\\u27e6{}\\u27e7",
    ],
)
@pytest.mark.parametrize(
    "change", [str, str.lower, lambda token: token.replace("_", "\\_"), lambda t: t.replace("_", " ")]
)
def test_tokens_survive_how_models_write_them(vault, ann, written, change):
    token = vault.redact(ann, "c1", "Ada", FOUND[:1]).strip("⟦⟧")
    assert "Ada" in vault.restore(ann, "c1", written.format(change(token))).value


def test_what_stands_around_a_token_stays(vault, ann):
    token = vault.redact(ann, "c1", "Ada", FOUND[:1]).strip("⟦⟧")
    for text in ("Hello {} there", "[see {} ]", "({}), {}!", "{}\n{}", "a[0] {}"):
        assert vault.restore(ann, "c1", text.replace("{}", token)).value == text.replace("{}", "Ada")
    assert vault.restore(ann, "c1", f"[see ⟦{token}⟧]").value == "[see Ada]"


@pytest.mark.parametrize("kind", ["A" * 80, "a.b-c d/e_f_g_h", "7", "é", "_", "CODE_1"])
def test_any_kind_makes_a_token_that_is_found_again(vault, ann, kind):
    redacted = vault.redact(ann, "c1", "Ada", [Finding(kind, 0, 3, 1.0)])
    assert vault.restore(ann, "c1", f"so {redacted} and {redacted.strip('⟦⟧').lower()}").value == "so Ada and Ada"


def test_a_token_that_was_never_given_means_nothing(vault, ann):
    token = vault.redact(ann, "c1", "Ada", FOUND[:1]).strip("⟦⟧")
    guess = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
    for text in (f"⟦{guess}⟧", f"⟦{token[:-7]}⟧", f"X{token}", f"{token}X", "PERSON_2_AAAAAA"):
        assert vault.restore(ann, "c1", text).value == text
    assert vault.restore(ann, "c2", f"⟦{token}⟧").value == f"⟦{token}⟧"


def test_arguments_of_a_tool_get_real_values(vault, ann):
    token = vault.redact(ann, "c1", "Ada", FOUND[:1])
    arguments = {"to": [token, "x"], "body": {"text": f"Hello {token}", "n": 3}, token: None}
    restored = vault.restore(ann, "c1", arguments)
    assert restored.value == {"to": ["Ada", "x"], "body": {"text": "Hello Ada", "n": 3}, token: None}
    assert restored.restored == 2


def test_what_is_not_permitted_stays_a_token(tenant, ann):
    vault = Vault(tenant, FixedClock(), lambda principal, kind: kind != "PERSON")
    redacted = vault.redact(ann, "c1", "Ada 42", [FOUND[0], Finding("AGE", 4, 6, 1.0)])
    restored = vault.restore(ann, "c1", redacted)
    assert restored.value.endswith("⟧ 42")
    assert (restored.restored, restored.kept) == (1, 1)


def test_another_tenant_gets_nothing(store, vault, ann):
    redacted = vault.redact(ann, "c1", TEXT, FOUND)
    store.create_tenant("globex")
    other = store.tenant("globex")
    eve = Principal(other.tenant.id, "ann")
    with pytest.raises(NotFound):
        vault.restore(eve, "c1", redacted)
    with pytest.raises(NotFound):
        vault.redact(eve, "c1", TEXT, FOUND)
    theirs = Vault(other, FixedClock(), anyone_of_the_tenant)
    assert theirs.restore(eve, "c1", redacted).value == redacted


def test_values_are_erased_with_the_person(tenant, vault, ann):
    redacted = vault.redact(ann, "c1", TEXT, FOUND)
    bob = Principal(tenant.tenant.id, "bob")
    others = vault.redact(bob, "c1", "Cleo", [Finding("PERSON", 0, 4, 1.0)])
    Ledger(tenant, FixedClock()).erase(ann.subject)
    restored = vault.restore(ann, "c1", redacted)
    assert (restored.value, restored.kept) == (redacted, 3)
    assert vault.restore(bob, "c1", others).value == "Cleo"
    again = vault.redact(ann, "c1", "Ada", FOUND[:1])
    assert again not in redacted


def test_nothing_stands_in_clear(tenant, vault, ann):
    vault.redact(ann, "c1", TEXT, FOUND)
    with tenant.read() as tx:
        stored = [tuple(row) for row in tx.execute(select(vaulted_values))]
    assert len(stored) == 2
    assert "Ada" not in repr(stored)


def test_a_conversation_is_forgotten(vault, ann):
    redacted = vault.redact(ann, "c1", TEXT, FOUND)
    assert vault.forget("c1") == 2
    assert vault.restore(ann, "c1", redacted).value == redacted


def test_many_at_once_agree_on_tokens(vault, ann):
    def redact(number):
        name = f"Name{number % 5}"
        return name, vault.redact(ann, "c1", name, [Finding("PERSON", 0, len(name), 1.0)])

    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(redact, range(40)))
    assert len(tokens) == 5
    assert all(vault.restore(ann, "c1", token).value == name for name, token in tokens)


@pytest.mark.parametrize("value", ["a\ud800b", "x" * 10_000, "日本語", '"quoted"\n', "⟦PERSON_1_AAAAAA⟧"])
def test_odd_values_come_back(vault, ann, value):
    redacted = vault.redact(ann, "c1", value, [Finding("odd kind!", 0, len(value), 1.0)])
    assert redacted.startswith("⟦ODD_KIND_1_")
    assert vault.restore(ann, "c1", redacted).value == value
    assert json.dumps(redacted)
