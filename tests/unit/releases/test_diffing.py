"""What differs between two releases is told by meaning, and nothing that differs is passed over."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core import sha256_hex
from aver.releases.diffing import compare, unified
from aver.releases.types import FrozenFile, Manifest
from tests.releases import cases

DECLARED = {
    "models": {"answers": {"provider": "up", "id": "gpt-x", "max_output": 100}},
    "providers": {"up": {"kind": "openai", "base_url": "http://a/v1"}},
    "routes": {"fast": {"arms": ["answers"]}},
    "budgets": [{"name": "daily", "per": "tenant", "limit": "100 usd", "period": "day"}],
    "guardrails": {
        "input": {"personal": "redact"},
        "checks": {"mod": {"kind": "moderation", "base_url": "http://m"}},
        "tenants": {"acme": {"output": {"secrets": "block"}}},
    },
    "agents": {"desk": {"model": "answers", "instructions": "Be kind.\nBe brief.", "tools": ["send_mail"]}},
    "tools": {"mcp": {"post": {"command": ["post"], "tools": {"send_mail": {"effects": ["send"], "targets": ["to"]}}}}},
    "evals": {"gate": [{"suite": "handbook", "measure": "ndcg@10", "at_least": 0.7}]},
}
TOOLS = {
    "send_mail": {
        "origin": "mcp post",
        "description": "Sends a mail.",
        "parameters": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
        "returns": None,
    }
}
ASSISTANT = {
    "model": "answers",
    "passages": 8,
    "instructions": "one\ntwo",
    "thresholds": {"answer": 0.5},
    "software": "1",
}


def manifest(declared=DECLARED, tools=TOOLS, assistant=ASSISTANT, software="1", **files: bytes):
    frozen = [FrozenFile(path, sha256_hex(data), len(data)) for path, data in sorted(files.items())]
    made = Manifest(tuple(frozen), declared, assistant, tools, software)
    return made, {each.sha256: files[each.path] for each in frozen}


def told(before, after):
    contents = {**before[1], **after[1]}
    found = compare(before[0], after[0], *[lambda file: contents[file.sha256]] * 2)
    return [each.text for each in found]


def otherwise(path, value, of=DECLARED):
    """``of`` with another value at ``path``; without it where the value is ``None``."""
    changed = deepcopy(of)
    place = changed
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("models", "answers", "id"), "gpt-y", ["model answers: gpt-x → gpt-y"]),
        (("models", "answers", "max_output"), None, ["model answers: max_output 100 → not set"]),
        (("models", "cheap"), {"provider": "up", "id": "gpt-z"}, ["model cheap (gpt-z) added"]),
        (("models", "answers"), None, ["model answers (gpt-x) removed"]),
        (("providers", "up", "base_url"), "http://b/v1", ["provider up: base_url http://a/v1 → http://b/v1"]),
        (("routes", "fast", "arms"), ["answers", "cheap"], ["route fast: arms answers → answers, cheap"]),
        (("budgets", 0, "limit"), "200 usd", ["budget daily: 100 usd → 200 usd"]),
        (("budgets", 0, "period"), "month", ["budget daily: period day → month"]),
        (("guardrails", "input", "personal"), "block", ["guardrail personal (input): redact → block"]),
        (
            ("guardrails", "input", "personal"),
            {"mode": "redact", "least": 0.9},
            ["guardrail personal (input): least not set → 0.9"],
        ),
        (("guardrails", "output"), {"secrets": "block"}, ["guardrail secrets (output): block added"]),
        (("guardrails", "input", "personal"), None, ["guardrail personal (input): redact removed"]),
        (("guardrails", "tenants", "acme", "output", "secrets"), "flag", ["guardrail secrets (output, acme): block → flag"]),
        (("guardrails", "checks", "mod", "base_url"), "http://n", ["check mod: base_url http://m → http://n"]),
        (("agents", "desk", "instructions"), "Be kind.\nBe long.", ["agent desk: instructions: 1 line"]),
        (("agents", "desk", "tools"), [], ["agent desk: tools send_mail → none"]),
        (("agents", "desk"), None, ["agent desk removed"]),
        (
            ("tools", "mcp", "post", "tools", "send_mail", "effects"),
            ["send", "spend"],
            ["tool send_mail: effects send → send, spend"],
        ),
        (("tools", "mcp", "post", "command"), ["post", "-v"], ["tools mcp post: command post → post, -v"]),
        (("tools", "openapi"), {"shop": {"document": "shop.yaml"}}, ["tools openapi shop added"]),
        (("evals", "gate", 0, "at_least"), 0.8, ["evals: gate.handbook ndcg@10.at_least 0.7 → 0.8"]),
        (("unknown_price",), "highest", ["unknown_price: not set → highest"]),
    ],
)  # fmt: skip
def test_what_is_declared_otherwise(path, value, said):
    assert told(manifest(), manifest(otherwise(path, value))) == said


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("properties", "cc"), {"type": "string"}, ["tool send_mail: new argument cc (optional)"]),
        (("properties", "to"), None, ["tool send_mail: argument to is gone"]),
        (("properties", "to", "type"), "array", ["tool send_mail: argument to: type string → array"]),
        (("required",), [], ["tool send_mail: argument to is optional now"]),
        (("additionalProperties",), False, ["tool send_mail: arguments: additionalProperties not set → no"]),
    ],
)
def test_what_a_tool_takes_otherwise(path, value, said):
    tools = otherwise(("send_mail", "parameters", *path), value, TOOLS)
    assert told(manifest(), manifest(tools=tools)) == said


def test_a_required_argument_that_is_new_is_no_option():
    changed = otherwise(("send_mail", "parameters", "properties", "cc"), {"type": "string"}, TOOLS)
    changed["send_mail"]["parameters"]["required"] = ["to", "cc"]
    assert told(manifest(), manifest(tools=changed)) == ["tool send_mail: new argument cc"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("passages", 12, "k 8 → 12"),
        ("model", "other", "model answers → other"),
        ("instructions", "one\n2", "instructions: 1 line"),
        ("thresholds", {"answer": 0.6}, "thresholds: answer 0.5 → 0.6"),
        ("reranker", "rerank", "reranker not set → rerank"),
    ],
)
def test_what_the_assistant_does_otherwise(field, value, said):
    assert told(manifest(), manifest(assistant={**ASSISTANT, field: value})) == [said]


def test_another_version_of_aver_is_said_once():
    assert told(manifest(), manifest(assistant={**ASSISTANT, "software": "2"}, software="2")) == ["software Aver 1 → 2"]


RULE = '@id("one")\npermit (principal, action, resource);\n'


@pytest.mark.parametrize(
    ("path", "before", "after", "said"),
    [
        ("prompts/answer.md", b"a\nb\nc\nd\n", b"a\nB\nC\nd\ne\n", "prompt answer.md: 3 lines"),
        ("prompts/answer.md", b"a\n", b"a\r\n", "prompt answer.md: ends of lines"),
        ("notes.md", b"a", b"a\nb", "file notes.md: 1 line"),
        ("logo.png", b"\x89\0", b"\x89\0\0", "file logo.png: 2 → 3 bytes"),
        ("w.npz", b"\0", b"\0\1", "model w.npz: 1 → 2 bytes"),
        ("policies/x.cedar", RULE.encode(), f"{RULE}@id(\"two\") forbid (principal, action, resource);".encode(), "policy rule two added"),
        ("policies/x.cedar", RULE.encode(), RULE.replace("permit", "forbid").encode(), "policy rule one changed"),
        ("policies/x.cedar", RULE.encode(), f"// why\n{RULE}".encode(), "policies/x.cedar: 1 line that change no rule"),
        ("evals/h.jsonl", cases("a", "b", "c").encode(), cases("b", "d").encode(), "dataset evals/h.jsonl: +1 -2 cases"),
        ("evals/h.jsonl", cases("a").encode(), cases("a", said="!").encode(), "dataset evals/h.jsonl: ~1 cases"),
        ("evals/h.jsonl", b"no\n", b"cases\n", "dataset evals/h.jsonl: 1 line"),
        ("aver.yaml", b"a: 1\n", b"# why\na: 1\n", "aver.yaml: 1 line that change nothing of what is declared"),
    ],
)  # fmt: skip
def test_what_files_hold_otherwise(path, before, after, said):
    assert told(manifest(**{path: before}), manifest(**{path: after})) == [said]


def test_files_that_come_and_go():
    one, two = {"prompts/a.md": b"x\ny\n"}, {"evals/h.jsonl": cases("a", "b").encode()}
    assert told(manifest(**one), manifest(**two)) == [
        "prompt a.md removed (2 lines)",
        "dataset evals/h.jsonl added (2 cases)",
    ]


def test_a_unified_diff_shows_texts_and_names_the_rest():
    before, after = manifest(**{"a.md": b"x\n", "b.bin": b"\0"}), manifest(**{"a.md": b"y\n", "b.bin": b"\0\0"})
    contents = {**before[1], **after[1]}
    said = unified(before[0], after[0], *[lambda file: contents[file.sha256]] * 2)
    assert said.split("\n") == [
        "--- a/a.md",
        "+++ b/a.md",
        "@@ -1 +1 @@",
        "-x",
        "+y",
        "Binary files a/b.bin and b/b.bin differ",
    ]


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["a", "b", "x y"]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "k", "mode", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)
SECTIONS = st.dictionaries(st.sampled_from(["evals", "rollout", "retrieval", "flags"]), VALUES, max_size=3)


@given(SECTIONS, SECTIONS)
def test_nothing_that_differs_is_passed_over(old, new):
    """Whatever sections hold: told of are differences if and only if there are some."""
    found = told(manifest(old), manifest(new))
    same = {name: old.get(name) or None for name in {*old, *new}} == {
        name: new.get(name) or None for name in {*old, *new}
    }
    assert bool(found) or same
    assert told(manifest(old), manifest(deepcopy(old))) == []
