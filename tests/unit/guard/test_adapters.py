"""Libraries beside Aver: what they answer becomes findings and verdicts, and a missing one says what to install."""

import asyncio
from types import SimpleNamespace as Some

import pytest

from aver.core.errors import MissingExtra, ProviderError
from aver.guard import Finding
from aver.guard.adapters.guardrails_ai import GuardrailsAI
from aver.guard.adapters.nemo import NemoGuardrails
from aver.guard.adapters.presidio import Presidio


class Analyzer:
    """Answers as Presidio's engine does: out of order, and one over another."""

    def analyze(self, text, language, entities):
        return [
            Some(entity_type="PHONE_NUMBER", start=6, end=10, score=0.4),
            Some(entity_type="PERSON", start=0, end=3, score=0.85),
            Some(entity_type="UK_NHS", start=6, end=12, score=1.0),
        ]


def test_presidio():
    assert Presidio(Analyzer()).find("Ada, 4857773456") == [
        Finding("PERSON", 0, 3, 0.85),
        Finding("UK_NHS", 6, 12, 1.0),
    ]


class Rails:
    def __init__(self, status):
        self.status, self.asked = status, []

    async def check_async(self, messages):
        self.asked += messages
        return Some(status=Some(value=self.status), content="", rail="self check input")


@pytest.mark.parametrize(("status", "outcome"), [("passed", "pass"), ("blocked", "flag"), ("modified", "flag")])
def test_nemo(status, outcome):
    rails = Rails(status)
    verdict = asyncio.run(NemoGuardrails(rails).check("hello", "output"))
    assert verdict.outcome == outcome
    assert rails.asked == [{"role": "assistant", "content": "hello"}]


def test_nemo_with_an_unknown_status_is_no_pass():
    with pytest.raises(ProviderError):
        asyncio.run(NemoGuardrails(Rails("perhaps")).check("hello", "input"))


def test_guardrails_ai():
    span = Some(start=2, end=5, reason="bad")
    summary = Some(validator_name="ToxicLanguage", error_spans=[span])
    failed = Some(validate=lambda text: Some(validation_passed=False, validation_summaries=[summary]))
    verdict = asyncio.run(GuardrailsAI(failed).check("a bad word", "output"))
    assert (verdict.outcome, verdict.findings) == ("flag", [Finding("ToxicLanguage", 2, 5, 1.0)])
    passed = Some(validate=lambda text: Some(validation_passed=True, validation_summaries=[]))
    assert asyncio.run(GuardrailsAI(passed).check("a word", "output")).outcome == "pass"


@pytest.mark.parametrize(
    ("module", "make"),
    [
        ("presidio_analyzer", Presidio),
        ("nemoguardrails", lambda: NemoGuardrails("folder")),
        ("guardrails", lambda: GuardrailsAI([object()])),
    ],
)
def test_a_missing_library_says_what_to_install(module, make, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        make()
    assert "pip install" in caught.value.next_step
