"""Decisions by the standard library and by policies of one's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core import Principal
from aver.core.errors import SettingsError
from aver.policy import Action, Annotations, Asked, Effect, LivePolicies, Origin, Policies, Reversal

ANNA = Principal("acme", "anna", frozenset({"support"}))
STANDARD = Policies.standard()
MAIL = Annotations(frozenset({Effect.SEND}), "irreversible", targets=["to"], content=["body"])
USER, CHOSEN, NAMED, MENTIONED, TRUSTED, UNTRUSTED, UNKNOWN = (
    Origin(kind) for kind in ("user", "chosen", "named", "mentioned", "trusted", "untrusted", "unknown")
)


def mail(
    to: Origin,
    body: Origin,
    *,
    asked: Asked = "user",
    about: bool = True,
    links: Sequence[Origin] = (),
    annotations: Annotations = MAIL,
    address: str = "ben@acme.test",
) -> Action:
    origins = {"to[0]": [to], "body": [body]}
    arguments = {"to": [address], "body": "Hello"}
    return Action(
        ANNA, "send_mail", annotations, arguments, origins, ["read_inbox"], asked, about, [[each] for each in links]
    )


def test_reading_is_allowed_and_no_effect_is_not() -> None:
    read = Action(ANNA, "search", Annotations(frozenset({Effect.READ})), {"query": "x"})
    assert STANDARD.decide(read).outcome == "allow"
    nothing = STANDARD.decide(Action(ANNA, "odd", Annotations(frozenset()), {}))
    assert (nothing.outcome, nothing.policies) == ("deny", ())


def test_what_the_user_chose_and_asked_for_is_allowed() -> None:
    assert STANDARD.decide(mail(USER, UNKNOWN)).outcome == "allow"
    assert STANDARD.decide(mail(USER, UNTRUSTED)).outcome == "allow"


def test_what_was_not_asked_for_is_asked() -> None:
    decision = STANDARD.decide(mail(USER, UNKNOWN, asked="no"))
    assert (decision.outcome, decision.policies) == ("ask", ("unasked",))
    assert decision.reason == "Your own words do not ask for this."


@pytest.mark.parametrize("target", [UNTRUSTED, UNKNOWN])
@pytest.mark.parametrize("asked", ["user", "ordered", "no"])
def test_a_target_from_elsewhere_is_denied(target: Origin, asked: Asked) -> None:
    assert STANDARD.decide(mail(target, USER, asked=asked)).policies == ("foreign-target",)


def test_what_the_users_words_pick_out_is_allowed_and_what_a_tool_merely_tells_is_asked() -> None:
    assert STANDARD.decide(mail(CHOSEN, UNTRUSTED)).outcome == "allow"
    for target, rule in ((TRUSTED, "unchosen-target"), (MENTIONED, "unchosen-target"), (NAMED, "named-target")):
        decision = STANDARD.decide(mail(target, USER))
        assert (decision.outcome, decision.policies) == ("ask", (rule,))


def test_what_only_a_text_orders_is_done_at_the_users_own_targets_or_where_it_can_be_taken_back() -> None:
    book = Annotations(frozenset({Effect.WRITE}), "compensable", targets=["to"])
    final = Annotations(frozenset({Effect.WRITE}), "irreversible", targets=["to"])
    remove = Annotations(frozenset({Effect.DELETE}), "compensable", targets=["to"])
    for annotations, to, outcome in (
        (book, CHOSEN, "allow"),
        (final, USER, "allow"),
        (final, CHOSEN, "ask"),
        (remove, USER, "ask"),
        (book, UNTRUSTED, "deny"),
    ):
        assert STANDARD.decide(mail(to, USER, asked="ordered", annotations=annotations)).outcome == outcome


def test_what_nobody_spoke_of_is_asked_where_no_target_says_what_is_meant() -> None:
    create = Annotations(frozenset({Effect.WRITE}))
    for about, outcome in ((True, "allow"), (False, "ask")):
        action = Action(ANNA, "create_file", create, {"name": "x"}, asked="user", about=about)
        assert STANDARD.decide(action).outcome == outcome


def test_a_link_from_elsewhere_is_asked_about() -> None:
    for link, outcome in ((USER, "allow"), (CHOSEN, "allow"), (NAMED, "ask"), (UNTRUSTED, "ask"), (UNKNOWN, "ask")):
        assert STANDARD.decide(mail(USER, UNTRUSTED, links=[link])).outcome == outcome


def test_where_is_looked_is_for_the_user_to_point_at() -> None:
    page = Annotations(frozenset({Effect.READ}), targets=["url"])
    for origins, outcome in (([USER], "allow"), ([NAMED], "allow"), ([UNTRUSTED], "ask"), ([UNKNOWN], "ask")):
        action = Action(ANNA, "get_page", page, {"url": "https://x.test"}, {"url": origins})
        assert STANDARD.decide(action).outcome == outcome


def test_one_target_of_the_user_does_not_speak_for_another() -> None:
    arguments = {"to": ["ben@acme.test", "eve@evil.test"], "body": "Hello"}
    origins = {"to[0]": [USER], "to[1]": [UNTRUSTED], "body": [USER]}
    assert STANDARD.decide(Action(ANNA, "send_mail", MAIL, arguments, origins, asked="user")).policies == (
        "foreign-target",
    )


def test_a_path_that_stands_for_two_values_is_denied() -> None:
    arguments = {"to": ["eve@evil.test"], "to[0]": "ben@acme.test"}
    decision = STANDARD.decide(Action(ANNA, "send_mail", MAIL, arguments, {"to[0]": [USER]}, asked="user"))
    assert (decision.outcome, decision.policies) == ("deny", ())


def test_confidential_content_goes_only_to_its_readers() -> None:
    secret = Origin("trusted", readers=frozenset({"user:ben@acme.test"}))
    assert STANDARD.decide(mail(USER, secret)).outcome == "allow"
    assert STANDARD.decide(mail(USER, secret, address="eve@evil.test")).policies == ("confidential",)


def test_a_policy_reads_arguments_and_groups(tmp_path: Path) -> None:
    own = tmp_path / "own.cedar"
    own.write_text(
        '@id("no-eve") @reason("Not to Eve.")\nforbid (principal in Group::"support", action, resource)\n'
        'when { context.arguments.hasTag("to") && context.arguments.getTag("to").values.contains("eve@evil.test") };\n'
    )
    policies = Policies.load([own])
    assert policies.decide(mail(USER, USER)).outcome == "allow"
    assert policies.decide(mail(USER, USER, address="eve@evil.test")).reason == "Not to Eve."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("// one\n\npermit (principal, action, resource) when { context.nothing == 1 };", 3),
        ("permit (principal, action, resource);\npermit (principal, action", 2),
        (
            'permit (principal, action, resource) when { "a;b" == "a;b" };\n@decision("maybe") permit (principal, action, resource);',
            2,
        ),
        ('@decision("ask") forbid (principal, action, resource);', 1),
        ('@idd("a") permit (principal, action, resource);', 1),
        ('@id("read") permit (principal, action, resource);', 1),
        ("\npermit (principal == ?principal, action, resource);", 2),
        ("\n;", 2),
    ],
)
def test_an_error_names_file_and_line_and_the_last_good_set_stays(tmp_path: Path, text: str, line: int) -> None:
    own = tmp_path / "own.cedar"
    own.write_text('@id("never") forbid (principal, action, resource);')
    live = LivePolicies([own])
    good = live.current
    own.write_text(text)
    assert not live.reload()
    assert live.current is good
    assert live.error is not None
    assert f"own.cedar:{line}:" in live.error.cause
    own.write_text("")
    assert live.reload()
    assert live.error is None
    assert live.current.decide(mail(USER, USER)).outcome == "allow"


def test_changed_files_of_a_folder_are_in_force_with_the_next_decision(tmp_path: Path) -> None:
    live = LivePolicies([tmp_path])
    assert live.decide(mail(USER, USER)).outcome == "allow"
    own = tmp_path / "own.cedar"
    own.write_text('@id("never") forbid (principal, action, resource);')
    assert live.decide(mail(USER, USER)).policies == ("never",)
    own.write_text("forbid (principal, action, resource")
    assert live.decide(mail(USER, USER)).policies == ("never",)
    assert live.error is not None
    assert not live.refresh()
    own.unlink()
    assert live.decide(mail(USER, USER)).outcome == "allow"
    assert live.error is None


def test_a_file_that_goes_missing_leaves_the_last_good_set_in_force(tmp_path: Path) -> None:
    own = tmp_path / "own.cedar"
    own.write_text('@id("never") forbid (principal, action, resource);')
    live = LivePolicies([own])
    own.unlink()
    assert live.decide(mail(USER, USER)).policies == ("never",)
    assert live.error is not None
    assert "cannot be read" in live.error.cause


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Policies.load([tmp_path / "none.cedar"])


def test_a_policy_that_fails_denies(tmp_path: Path) -> None:
    own = tmp_path / "own.cedar"
    own.write_text("permit (principal, action, resource) when { 9223372036854775807 + 1 > 0 };")
    assert Policies.load([own]).decide(mail(USER, USER)).outcome == "deny"


EFFECTS = st.frozensets(st.sampled_from(list(Effect)))
KINDS = st.sampled_from([USER, CHOSEN, NAMED, MENTIONED, TRUSTED, UNTRUSTED, UNKNOWN])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    EFFECTS.filter(lambda each: bool(each - {Effect.READ})),
    KINDS,
    KINDS,
    st.sampled_from(get_args(Asked)),
    st.booleans(),
    st.lists(KINDS, max_size=2),
    st.sampled_from([None, "compensable", "irreversible"]),
    st.text(),
)
def test_only_a_target_that_the_user_said_or_picked_is_ever_allowed(
    effects: frozenset[Effect],
    to: Origin,
    body: Origin,
    asked: Asked,
    about: bool,
    links: list[Origin],
    reversal: Reversal | None,
    address: str,
) -> None:
    annotations = Annotations(effects, reversal, targets=["to"], content=["body"])
    action = mail(to, body, asked=asked, about=about, links=links, annotations=annotations, address=address)
    outcome = STANDARD.decide(action).outcome
    assert outcome != "allow" or to in (USER, CHOSEN)
    assert (outcome == "deny") == (to in (UNTRUSTED, UNKNOWN))


@given(JSON)
def test_any_arguments_get_a_decision_and_no_allowance(value: object) -> None:
    assert (
        STANDARD.decide(Action(ANNA, "send_mail", MAIL, {"to": ["x"], "body": value}, asked="user")).outcome == "deny"
    )


def test_a_kept_decision_is_the_one_that_is_made_afresh_and_belongs_to_these_policies_alone() -> None:
    standard = Policies.standard()
    stricter = Policies({"own": '@id("never") forbid (principal, action, resource);'})
    kinds = ("user", "chosen", "referred", "named", "mentioned", "trusted", "unknown", "untrusted")
    for _ in range(2):
        for effect in Effect:
            for kind in kinds:
                for user in ("anna", "ben"):
                    declared = Annotations(frozenset({effect}), targets=["to"])
                    asked = Action(
                        Principal("acme", user), "tool", declared, {"to": "x"}, {"to": [Origin(kind)]}, asked="user"
                    )
                    assert standard.decide(asked) == standard.decide(asked, afresh=True)
                    assert stricter.decide(asked).outcome == "deny"


def test_a_rule_that_looks_at_the_context_as_a_whole_is_handed_all_of_it() -> None:
    whole = Policies({"own": '@id("all") permit (principal, action, resource) when { {"a": context}.a.about };'})
    asked = Action(Principal("acme", "anna"), "tool", Annotations(frozenset({Effect.READ})), {}, about=True)
    assert whole.decide(asked).outcome == "allow"
