"""Every kind of step has a plain sentence, whatever of it can be read."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from aver.evidence import Step, StepKind
from aver.server.story import tell

AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def step(kind, facts=None, body=None, *, erased=False):
    return Step(18204, "turn_1", kind, AT, facts or {}, body, erased, "00")


def sentence(*arguments, **options):
    (moment,) = tell([step(*arguments, **options)])
    assert moment.at == AT
    return moment.sentence


@pytest.mark.parametrize("kind", get_args(StepKind))
def test_a_step_of_which_nothing_is_known_still_has_a_sentence(kind):
    told = sentence(kind)
    assert told[0].isupper()
    assert told == told.strip()
    assert "None" not in told
    assert sentence(kind, erased=True).endswith("(its content was erased)")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("admitted", {"release": "4f2a9c01beef"}, {"user": "ann", "question": "Why?"}),
            "ann asked: Why? (release 4f2a9c01)",
        ),
        (
            ("retrieved", {"passages": 8, "documents": 1, "followed_up": False, "ms": 14.2}, {"question": "Why?"}),
            "Found 8 passages in 1 document that the asker may read, in 14 ms",
        ),
        (
            ("retrieved", {"passages": 1, "documents": 1, "followed_up": True}, {"question": "and why? (leave)"}),
            "Took it to mean “and why? (leave)”, and found 1 passage in 1 document that the asker may read",
        ),
        (
            ("generated", {"provider": "extractive", "mode": "extractive"}),
            "extractive looked for sentences that answer",
        ),
        (
            (
                "generated",
                {
                    "provider": "extractive",
                    "mode": "extractive",
                    "fallback_from": "openai-compatible:big",
                    "fallback_error": "provider-timeout",
                },
            ),
            "openai-compatible:big failed (provider-timeout), so extractive looked for sentences that answer",
        ),
        (
            ("generated", {"provider": "openai-compatible:big", "mode": "generated", "error": "stream-truncated"}),
            "openai-compatible:big began to write and broke off: stream-truncated",
        ),
        (
            ("verified", {"sentences": 3, "supported": 2}, {"sentences": [{"text": "no number"}]}),
            "Checked 3 sentences: 2 supported by the sources, 1 not",
        ),
        (("responded", {"abstained": True}), "Gave no answer, because nothing found supports one"),
        (
            ("responded", {"abstained": False, "sentences": 2, "citations": 1, "ms": 1234.5}),
            "Gave the answer: 2 sentences, 1 citation, in 1.2 s",
        ),
        (("failed", {"error": "cancelled"}), "The asker left before the answer was whole"),
        (("sealed",), "Sealed as record 18,204 of the chain, under a signed checkpoint"),
        (("ingested", {"added": 6, "changed": 0, "passages": 19}), "Ingested documents: 6 added"),
        (("deleted", {"deleted": 1}), "Deleted 1 document by hand"),
        (("key_created", {"key": "key_1"}, {"user": "ann"}), "Made the API key key_1 for ann"),
        (
            ("failed", {"error": "limit-reached", "done": 3, "undone": 2, "undecided": 1}, {"detail": "No time left."}),
            "Ended without an answer: limit-reached (No time left.); of what it did: 3 done, 2 taken back, 1 undecided",
        ),
        (
            ("checked", {"place": "result", "outcome": "redact"}),
            "Checked what a tool returned: parts cut out",
        ),
        (
            ("refused", {"tool": "send", "cause": "stopped"}),
            "A call of send went no further: the tool is stopped",
        ),
        (
            ("decided", {"tool": "send", "outcome": "deny", "action": "1.1"}, {"reason": "Not to strangers."}),
            "Policy denies a call of send: Not to strangers.",
        ),
        (("asked", {"tool": "pay", "role": None}), "Asked the asker to approve a call of pay"),
        (
            ("approved", {"scope": "conversation"}, {"by": "ann"}),
            "ann approved the call, and the like in this conversation",
        ),
        (("rejected", {"never": True}, {"by": "ann"}), "ann rejected the call, for ever"),
        (("intended", {"tool": "pay", "attempt": 2, "compensates": None}), "About to call pay, attempt 2"),
        (
            ("executed", {"tool": "pay", "outcome": "undecided", "ms": 12.0}),
            "pay may have run or not: nobody can tell, in 12 ms",
        ),
        (
            ("switched", {"kind": "tool", "lifted": False}, {"name": "send", "reason": "mails go astray", "by": "kay"}),
            "kay stopped: tool send (mails go astray)",
        ),
        (("switched", {"kind": "installation", "lifted": True}, {"name": "", "by": ""}), "Let go on: installation"),
        (("erased", {"steps": 12}), "Erased a person: 12 steps can never be read again"),
    ],
)
def test_what_is_known_is_told(arguments, expected):
    assert sentence(*arguments) == expected
