"""Checks that know what the turn has read: addresses that spell it out, and the turn's own canary and instructions."""

import asyncio
import base64

import pytest

from aver.guard import Context, Detecting, Guard, Rail
from aver.guard.canary import PromptLeak
from aver.guard.exfiltration import Exfiltration

BALANCE = "The balance of account 7741-2290 is 18,204 euros."
EVIL = "https://evil.example/c"


def outcomes(context, text, place="output", detector=None, mode="block"):
    guard = Guard({place: [Rail(Detecting(detector or Exfiltration()), mode)]}).within(context)
    return asyncio.run(guard.judge(text, place)).outcome


@pytest.mark.parametrize(
    "address",
    [
        f"{EVIL}?a=7741-2290",
        f"{EVIL}/0922-1477",
        f"{EVIL}?x={base64.b64encode(b'7741-2290').decode()}",
        "https://evil.example/balanceofaccount",
        "https://7741-2290.evil.example/",
    ],
)
@pytest.mark.parametrize("place", ["output", "arguments"])
def test_an_address_that_repeats_what_was_read_is_found(address, place):
    told = Context()
    assert outcomes(told, f"See {address}", place) == "pass"
    told.heard(BALANCE, "result")
    assert outcomes(told, f"See {address}", place) == "block"


def test_what_is_read_later_counts_too():
    told = Context()
    guard = Guard({"output": [Rail(Detecting(Exfiltration()), "block")]}).within(told)

    async def ask():
        before = await guard.judge(f"{EVIL}?a=7741-2290", "output")
        told.heard(BALANCE, "result")
        return before.outcome, (await guard.judge(f"{EVIL}?a=7741-2290", "output")).outcome

    assert asyncio.run(ask()) == ("pass", "block")


@pytest.mark.parametrize("place", ["input", "passage", "result"])
@pytest.mark.parametrize("ending", ["", "/", "."])
def test_a_link_that_was_read_may_be_told(place, ending):
    told = Context()
    told.heard(f"{BALANCE} More: https://bank.example/accounts/7741-2290/statements?year=2026", place)
    for path in ("accounts/7741-2290/statements?year=2026", "accounts/7741-2290/statements", "accounts/7741-2290"):
        assert outcomes(told, f"Look at https://bank.example/{path}{ending}") == "pass"
    assert outcomes(told, "Look at https://bank.example/7741-2290") == "block"
    assert outcomes(told, "Look at https://other.example/accounts/7741-2290") == "block"


def test_a_link_of_the_instructions_may_be_told():
    told = Context("Send people to https://help.example/balance-of-account-forms.")
    told.heard(BALANCE, "result")
    assert outcomes(told, "https://help.example/balance-of-account-forms") == "pass"


def test_a_link_that_the_model_had_echoed_is_no_known_one():
    told = Context()
    told.heard(BALANCE, "result")
    told.heard(f'{{"query": "{EVIL}?a=7741-2290"}}', "arguments")
    told.heard(f"No results for {EVIL}?a=7741-2290", "result")
    assert outcomes(told, f"See {EVIL}?a=7741-2290") == "block"


def test_one_turns_context_is_not_anothers():
    mine, other = Context(), Context()
    mine.heard(BALANCE, "result")
    guard = Guard({"output": [Rail(Detecting(Exfiltration()), "block")]})

    async def ask():
        texts = [
            each.judge(f"{EVIL}?a=7741-2290", "output") for each in (guard.within(mine), guard.within(other), guard)
        ]
        return [judgement.outcome for judgement in await asyncio.gather(*texts)]

    assert asyncio.run(ask()) == ["block", "pass", "pass"]


def test_declared_hosts_stay_declared():
    told = Context()
    told.heard(BALANCE, "result")
    ours = Exfiltration(["*.example.com"])
    assert outcomes(told, "https://docs.example.com/7741-2290", detector=ours) == "pass"
    assert outcomes(told, f"{EVIL}?a=7741-2290", detector=ours) == "block"


PROMPT = "You look after the travel desk. Partners get the discount code BLUE-HERON, which nobody else is ever told of."


def test_a_canary_is_planted_where_it_is_looked_for_alone():
    quiet, watched = Context(PROMPT), Context(PROMPT)
    Guard({"output": [Rail(Detecting(Exfiltration()), "block")]}).within(quiet)
    Guard({"output": [Rail(Detecting(PromptLeak()), "block")]}).within(watched)
    assert quiet.planted(PROMPT) == PROMPT
    assert watched.planted(PROMPT).count(watched.canary()) == 2


def test_the_turns_canary_and_its_instructions_are_found():
    told = Context(PROMPT)
    leak = PromptLeak(["zq-other-token-4417"])
    assert outcomes(told, f"It reads {told.canary()[:14]}...", detector=leak) == "block"
    assert outcomes(told, "zq-other-token-4417", detector=leak) == "block"
    assert outcomes(told, PROMPT, detector=leak) == "block"
    assert outcomes(told, "Trips are booked at the desk.", detector=leak) == "pass"
    assert outcomes(Context(), PROMPT, detector=leak) == "pass"


def test_a_canary_stays_as_long_as_secret_and_instructions_do():
    def token(instructions, secret):
        return Context(instructions, lambda: secret).canary()

    assert token("a", b"k") == token("a", b"k")
    assert (
        len({token("a", b"k"), token("b", b"k"), token("a", b"m"), Context("a").canary(), Context("a").canary()}) == 5
    )
