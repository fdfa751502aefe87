"""Labels follow values: what a call carries has the label of where it was seen, and policy decides by it."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aver.core import Principal
from aver.core.labels import ANYTHING, Label
from aver.policy import Annotations, Effect, Origin, Policies, Provenance
from aver.policy.analysis import analyse
from aver.policy.cedar import resource

STANDARD = Policies.standard()
READ, SEND = frozenset({Effect.READ}), frozenset({Effect.SEND})
EU = Label("restricted", frozenset({"eu"}))
CONTRACT, WEATHER = Annotations(READ, output="trusted", label=EU), Annotations(READ, output="trusted")
MAIL = Annotations(SEND, targets=["to"], content=["body"])
FAR, NEAR = replace(MAIL, region="us", clearance="restricted"), replace(MAIL, region="eu", clearance="restricted")
SECRET, PLAIN = "The penalty is nine thousand a week", "Sunny, eleven degrees"


def turn(words="Mail ben@acme.test about the contract", own=ANYTHING):
    found = Provenance(Principal("acme", "anna"), own)
    found.said(words)
    for tool, annotations, value in (("weather", WEATHER, {"said": PLAIN}), ("contract", CONTRACT, {"term": SECRET})):
        found.returned(found.action(tool, annotations, {}), value, label=annotations.label)
    return found


def mail(found, body, annotations=MAIL, to="ben@acme.test"):
    action = found.action("send_mail", annotations, {"to": to, "body": body})
    return action.label, STANDARD.decide(action)


def test_what_was_seen_under_a_label_is_carried_under_it():
    assert mail(turn(), SECRET)[0] == EU
    assert mail(turn(), PLAIN)[0] == ANYTHING, "word for word from elsewhere"
    assert mail(turn(), "ben@acme.test")[0] == ANYTHING, "the user's own words"


@given(st.text(min_size=1, max_size=60))
def test_what_the_model_wrote_itself_may_tell_all_that_it_read(body):
    found = turn()
    assume("unknown" in {each.kind for each in found.origins(body)})
    label, decision = mail(found, body, FAR)
    assert (label, decision.outcome) == (EU, "deny")


def test_before_anything_is_read_nothing_has_a_label():
    found = Provenance(Principal("acme", "anna"))
    found.said("Mail ben@acme.test")
    assert mail(found, "Dear Ben")[0] == ANYTHING


def test_a_tool_that_may_not_be_given_it_is_denied_and_one_that_may_is_not():
    denied = mail(turn(), SECRET, FAR)[1]
    assert (denied.outcome, denied.policies) == ("deny", ("labelled",))
    assert "use a tool that may be given it" in denied.reason
    assert mail(turn(), SECRET, NEAR)[1].outcome == "allow"
    assert mail(turn(), SECRET, replace(NEAR, clearance="internal"))[1].policies == ("labelled",)
    assert mail(turn(), PLAIN, FAR)[1].outcome == "allow"


def test_a_person_is_asked_where_a_tool_does_not_say_where_it_takes_it():
    asked = mail(turn(), SECRET)[1]
    assert (asked.outcome, asked.policies) == ("ask", ("unplaced",))
    assert mail(turn(), PLAIN)[1].outcome == "allow"


def test_a_tool_that_only_reads_far_away_is_not_told_of_it_either():
    far = Annotations(READ, region="us")
    found = turn()
    assert STANDARD.decide(found.action("look_up", far, {"query": SECRET})).policies == ("labelled",)
    assert STANDARD.decide(found.action("look_up", Annotations(READ), {"query": SECRET})).outcome == "allow"


def test_what_comes_of_a_call_is_as_confidential_as_what_it_was_given():
    found = turn()
    shorten = found.action("shorten", WEATHER, {"text": SECRET})
    found.returned(shorten, {"short": "nine thousand weekly"})
    assert mail(found, "nine thousand weekly")[0] == EU


def test_what_is_remembered_or_was_said_before_keeps_its_label():
    found = Provenance(Principal("acme", "anna"))
    found.known(SECRET, Origin("trusted", "memory", label=EU))
    found.known("Call the caretaker", Origin("user", "before", label=Label("confidential")))
    found.said("Mail ben@acme.test")
    assert mail(found, SECRET)[0] == EU
    assert mail(found, "Call the caretaker")[0] == Label("confidential")
    assert mail(found, "I made this up")[0] == EU, "of all that the model was told"


def test_what_the_user_says_has_the_label_that_they_gave_it():
    found = Provenance(Principal("acme", "anna"))
    found.said("Mail ben@acme.test that we merge", Label("confidential"))
    assert mail(found, "we merge")[0] == Label("confidential")
    assert mail(found, "we merge", replace(FAR, clearance="internal"))[1].policies == ("labelled",)


def test_everything_of_a_tenant_has_its_own_label():
    assert mail(turn(own=Label("confidential")), PLAIN)[0] == Label("confidential")
    assert mail(turn(own=Label("internal")), PLAIN)[1].outcome == "allow", "as providers that say nothing are given"


def test_a_policy_of_ones_own_speaks_of_labels():
    own = """
    @id("board-only")
    forbid (principal, action == Action::"call", resource)
    when { context.label.level == "restricted" && !context.label.anywhere && context.label.regions.contains("eu") };
    """
    policies = Policies({"own.cedar": own, "standard.cedar": resource("standard.cedar")})
    found = turn()
    assert policies.decide(found.action("send_mail", NEAR, {"to": "ben@acme.test", "body": SECRET})).policies == (
        "board-only",
    )
    assert policies.decide(found.action("send_mail", NEAR, {"to": "ben@acme.test", "body": PLAIN})).outcome == "allow"
    assert [
        each for each in analyse(policies, {"send_mail": NEAR, "contract": CONTRACT}) if each.subject == "board-only"
    ] == []


@pytest.mark.parametrize("region", ["", "eu", "us"])
@pytest.mark.parametrize("clearance", ["", "internal", "restricted"])
def test_without_labels_nothing_is_held_back(region, clearance):
    found = Provenance(Principal("acme", "anna"))
    found.said("Mail ben@acme.test about the weather")
    found.returned(found.action("weather", WEATHER, {}), {"said": PLAIN})
    for body in (PLAIN, "something else"):
        label, decision = mail(found, body, replace(MAIL, region=region, clearance=clearance))
        assert (label, decision.outcome) == (ANYTHING, "allow")
