"""What is found wrong with policies before they decide anything."""

import pytest

from aver.policy import Annotations, Effect, Policies
from aver.policy.analysis import analyse

TOOLS = {
    "search": Annotations(frozenset({Effect.READ})),
    "send_mail": Annotations(frozenset({Effect.SEND}), "irreversible", targets=["to"], content=["body"]),
    "delete_file": Annotations(frozenset({Effect.DELETE}), targets=["file"]),
    "create_note": Annotations(frozenset({Effect.WRITE}), "compensable", content=["text"]),
}


def found(text: str, tools: dict[str, Annotations] = TOOLS) -> list[tuple[str, str]]:
    return [(each.kind, each.subject) for each in analyse(Policies({"own.cedar": text}), tools)]


def test_nothing_is_wrong_with_the_standard_library() -> None:
    page = Annotations(frozenset({Effect.READ}), targets=["url"])
    assert analyse(Policies.standard(), {**TOOLS, "get_page": page}) == []


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("permit (principal, action, resource)", "allows-everything"),
        ("permit (principal, action, resource) when { context.readable || !context.readable }", "allows-everything"),
        ('permit (principal, action, resource == Tool::"gone")', "unreachable"),
        ('forbid (principal in Group::"x", action, resource == Tool::"gone")', "unreachable"),
        (
            'permit (principal, action, resource) when { context.asked == "user" && context.asked == "no" }',
            "unreachable",
        ),
        ('forbid (principal, action, resource) when { context.effects.contains("spend") }', "unreachable"),
        ('permit (principal, action, resource) when { ["user"].containsAll(context.targets) }', None),
        ('permit (principal in Group::"support", action, resource)', None),
        ('permit (principal, action, resource) when { context.history.contains("search") }', None),
        ('permit (principal, action, resource == Tool::"search")', None),
    ],
)
def test_a_rule_that_decides_nothing_and_one_that_allows_everything_are_found(rule: str, kind: str | None) -> None:
    base = 'permit (principal, action, resource) when { context.readable && context.asked == "user" };'
    expected = [(kind, "odd")] if kind else []
    assert found(f'@id("odd") {rule};\n@id("base") {base}') == expected


def test_where_all_tools_only_read_a_rule_for_reading_does_not_allow_everything() -> None:
    tools = {"search": Annotations(frozenset({Effect.READ}))}
    assert not [each for each in analyse(Policies.standard(), tools) if each.kind == "allows-everything"]
    (finding,) = analyse(Policies({"own.cedar": "permit (principal, action, resource);"}), tools)
    assert finding.kind == "allows-everything"


def test_a_permit_that_a_forbid_always_overrules_is_unreachable() -> None:
    text = (
        '@id("mail") permit (principal, action, resource == Tool::"send_mail");\n'
        '@id("rest") permit (principal, action, resource) when { context.asked == "user" };\n'
        '@id("no-sending") forbid (principal, action, resource) when { context.effects.contains("send") };'
    )
    assert found(text) == [("unreachable", "mail")]


def test_a_tool_that_no_rule_speaks_for_is_named() -> None:
    text = '@id("only-search") permit (principal, action, resource == Tool::"search");'
    assert found(text) == [("tool-without-rule", name) for name in ("create_note", "delete_file", "send_mail")]
    nothing = {"odd": Annotations(frozenset())}
    (finding,) = (each for each in analyse(Policies.standard(), nothing) if each.kind == "tool-without-rule")
    assert finding.message == "No rule allows any call of odd: all are denied."


def test_a_finding_names_file_and_line() -> None:
    (finding,) = analyse(Policies({"own.cedar": "\n\npermit (principal, action, resource);"}), TOOLS)
    assert finding.message == "own.cedar:3: rule 'own.cedar:3': it allows every call of every tool."
