"""What is declared is read, written and read again as it was; a mistake is told with its line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aver.core.errors import SettingsError
from aver.core.labels import ANYTHING, LEVELS, Label, combined
from aver.governance.declaration import Declaration

WHOLE = """
retention:
  conversations: 400d
  feedback: forever
  facts: forever
region: eu
label: {level: internal, regions: [eu, ch]}
classification:
  - {match: "**", level: internal}
  - {match: "hr/**", source: handbook, level: restricted, regions: [eu]}
  - {match: "*.open.md", level: public}
acceptable_use:
  text: |
    Be kind.
"""


def test_what_is_declared_comes_back_as_it_was() -> None:
    declared = Declaration.parse(WHOLE, "g.yaml")
    assert declared.retention == {"conversations": timedelta(days=400)}
    assert declared.terms is not None
    assert declared.terms.text == "Be kind."
    assert Declaration.of(declared.plain()) == declared
    assert Declaration.of({}) == Declaration.parse("{}", "g.yaml") == Declaration()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("retention: {conversation: 4d}", "conversations"),
        ("retention: {memory: 4}", "Write days, such as 400d"),
        ("retention: {memory: 0d}", "no time to keep"),
        ("retention: {facts: 10d}", "kept for ever"),
        ("region: EU", "names no region"),
        ("label: {level: secret}", "no level"),
        ("classification: [{match: 'a/**'}]", "says nothing"),
        ("acceptable_use: {text: ' '}", "characters"),
        ("acceptable_use: {}", "'text' is missing"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=r"g\.yaml:1") as told:
        Declaration.parse(text, "g.yaml")
    assert said in str(told.value)


def test_the_last_rule_that_matches_decides_and_what_is_made_of_several_is_the_strictest() -> None:
    declared = Declaration.parse(WHOLE, "g.yaml")
    assert declared.label_of([]) == Label("internal", frozenset({"eu", "ch"}))
    assert declared.label_of([("handbook", "hr/pay.md")]) == Label("restricted", frozenset({"eu"}))
    assert declared.label_of([("wiki", "hr/pay.md")]).level == "internal", "the rule is of another source"
    assert declared.label_of([("handbook", "hr/a.open.md")]).level == "internal", "the tenant's own counts too"
    assert declared.label_of([("wiki", "a.md"), ("handbook", "hr/pay.md")]).level == "restricted"


def test_labels_are_combined_in_any_order() -> None:
    one, other = Label("confidential", frozenset({"eu"})), Label("internal", frozenset({"us"}))
    assert combined([one, other]) == combined([other, one]) == Label("confidential", frozenset())
    assert combined([]) == ANYTHING


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("clearance", ["", *LEVELS])
def test_no_provider_is_given_more_than_it_is_labelled_for(level: str, clearance: str) -> None:
    label = Label(level)  # type: ignore[arg-type]
    given = LEVELS.index(clearance or "internal")  # type: ignore[arg-type]
    assert (label.refuses(clearance, "anywhere") == "") is (LEVELS.index(label.level) <= given)


def test_a_region_is_kept() -> None:
    label = Label("public", frozenset({"eu"}))
    assert label.refuses("", "eu") == ""
    assert label.refuses("", "us") == label.refuses("", "") == "residency"
    assert Label("public", frozenset()).refuses("restricted", "eu") == "residency"
