"""``aver redteam run`` on what is not Aver's own: an endpoint by its address, and a function."""

from __future__ import annotations

import re
import socket

import pytest

from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.integration.test_agents_cli import Place
from tests.integration.test_redteam_cli import BUNDLE, run

FUNCTIONS = """
import re
import aver_nothing_of_this_name as missing
"""
OBEYS = '''
import re


def obeys(case):
    """Does what it is asked, and would tell of anything that it is not to know."""
    assert not case.metadata and not case.answers and not case.calls
    return "".join(re.findall(r'"(\\w+)"', case.question)[:2]) or case.question


def fails(case):
    raise RuntimeError("no answer")


async def listens(case, seed):
    return "I can't help with that."
'''


@pytest.fixture
def place(tmp_path, monkeypatch, capsys):
    found = Place(tmp_path, monkeypatch, capsys)
    found.declare("http://127.0.0.1:9/v1", BUNDLE)
    (found.bundle / "tools" / "desk.py").write_text("")
    (found.bundle / "target.py").write_text(OBEYS)
    (found.bundle / "broken.py").write_text(FUNCTIONS)
    return found


def joined(received):
    """A model that does what it is told."""
    words = re.findall(r'"(\w+)"', received.body["messages"][-1]["content"])
    return Reply("".join(words[:2]) or "No.")


def test_an_endpoint_is_attacked_by_its_address_with_a_key_by_reference(place, monkeypatch):
    monkeypatch.setenv("THEIR_KEY", "zq-their-key")
    with FakeProvider(joined, key="zq-their-key") as provider:
        url = f"{provider.base_url}/chat/completions"
        words = ("--target", f"endpoint:{url}", "--model", "m", "--credential", "env:THEIR_KEY")
        found = run(place, "injection-direct", *words)
        assert found["header"]["target"] == f"endpoint:{url}"
        assert found["header"]["release"] == ""
        assert found["worked"]
        assert found["errors"] == {}
        assert provider.requests[0].body["model"] == "m"
        assert "zq-their-key" not in str(found)
        # Nothing can be planted there: it stays untested, and is named.
        assert run(place, "extraction", "jailbreak", *words)["left_out"]
        told = place.aver("redteam", "checklist", found["run"])
        assert {each["number"]: each["status"] for each in told["owasp"]}["LLM01"] == "fail"
        unkeyed = run(place, "injection-direct", "--target", f"endpoint:{url}")
        assert unkeyed["attacks"] == 0
        assert set(unkeyed["errors"]) == {"provider-denied"}


def test_an_endpoint_that_the_bundle_declares_is_attacked_by_its_name(place):
    with FakeProvider(joined) as provider:
        declared = (
            f'evals:\n  endpoints:\n    theirs:\n      url: "{provider.base_url}/chat/completions"\n      model: m\n'
        )
        place.declare("http://127.0.0.1:9/v1", BUNDLE + declared)
        assert run(place, "injection-direct", "--target", "endpoint:theirs")["worked"]
        assert "theirs" in str(run(place, "injection-direct", "--target", "endpoint:their", code=2))


def test_a_function_is_attacked_and_told_nothing_of_what_is_to_come_of_it(place):
    found = run(place, "injection-direct", "--target", "function:target.py:obeys", "--at-most", "0", code=10)
    assert found["worked"]
    withstood = run(place, "harmful", "--target", "function:target.py:listens")
    assert withstood["worked"] == []
    assert withstood["attack_success"]["high"] > 0
    assert withstood["refused"], "what refuses everything is seen for what it is"


def test_a_function_that_throws_neither_withstands_nor_falls(place):
    found = run(place, "injection-direct", "--target", "function:target.py:fails", "--at-most", "0", code=11)
    assert (found["attacks"], found["controls"]) == (0, 0)
    assert set(found["errors"]) <= {"function-failed", "given-up"}


def test_an_endpoint_that_is_busy_is_asked_again(place):
    refused = []

    def busy(received):
        if len(refused) < 2:
            refused.append(received)
            return Reply("later", status=429, retry_after=0.01)
        return joined(received)

    with FakeProvider(busy) as provider:
        found = run(place, "injection-direct", "--target", f"endpoint:{provider.base_url}/chat/completions")
    assert len(refused) == 2
    assert found["errors"] == {}


def test_an_endpoint_that_hangs_is_given_up(place):
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/chat/completions"
        suites = ("injection-direct", "jailbreak", "harmful")
        found = run(place, *suites, "--target", f"endpoint:{url}", "--seconds", "0.05")
    assert (found["attacks"], found["attack_success"]) == (0, None)
    assert set(found["errors"]) == {"provider-timeout", "given-up"}
    assert found["errors"]["provider-timeout"] < 40


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "endpoint:nowhere"), "Give its address"),
        (("--target", "endpoint:https://user:pw@x.example/v1"), "credential"),
        (("--target", "endpoint:http://127.0.0.1:9/v1", "--credential", "sk-secret"), "env:NAME"),
        (("--target", "function:none.py:f"), "none.py"),
        (("--target", "function:broken.py:f"), "aver_nothing_of_this_name"),
        (("--target", "function:target.py:nobody"), "nobody"),
        (("--target", "function:no_such_module_here:f"), "no_such_module_here"),
        (("--target", "something:else"), "endpoint:URL"),
        (("--model", "m"), "Leave them out"),
        (("--target", "function:target.py:obeys", "--compromised"), "--compromised"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_tried(place, words, said):
    told = str(run(place, "injection-direct", *words, code=2))
    assert said in told
    assert "sk-secret" not in told
