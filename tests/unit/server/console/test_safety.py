"""The Safety page tells what checks found and where, how attacks fared, what policy denied, and what is stopped."""

import pytest

from aver.evidence import Draft
from aver.server.console.pages import render
from aver.server.console.rooms import period
from aver.server.console.safety import safety
from aver.server.switching import throw_switch
from tests.unit.server.console.rooms import attacked, house


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = house(tmp_path_factory.mktemp("safety"))
    facts = {"tool": "mail.send", "outcome": "deny", "policies": ["no-outside"]}
    made.write([Draft("turn_d", "decided", "user:ann", facts, None)])
    for number, success in enumerate((0.3, 0.2)):
        made.write(attacked(number, success))
        made.clock.advance(60)
    made.write(attacked(2, 0.5, "agent:clerk"))
    throw_switch(made.application, "tool", "mail.send", "acme", reason="<b>It mails outside</b>")
    yield made
    made.application.close()


def look(made, **given):
    return safety(made.application, made.services, made.somebody("operator"), period("24h"), **given)


def test_findings_are_told_by_check_and_place(place):
    view = look(place)
    first = view.checks[0]
    assert (first.check, first.place, first.looked, first.redacted, first.found) == (
        "exfiltration", "output", 6, 6, 6,
    )  # fmt: skip
    assert first.link == "/turns?check=exfiltration&since=24h"
    assert (view.turns, view.held, view.cut) == (18, 6, 6)
    assert [each.title for each in view.findings] == ["exfiltration · output"]
    assert max(each.value for each in view.findings[0].points if each.value is not None) == 1.0
    assert look(place, place="input").checks == ()


def test_attacks_are_told_over_time_by_family(place):
    view = look(place)
    assert [(each.target, each.worked) for each in view.runs] == [("agent:clerk", 20), ("assistant", 8), ("assistant", 12)]  # fmt: skip
    assert view.targets == ("agent:clerk", "assistant")
    mine = look(place, target="assistant")
    assert [each.title for each in mine.families] == ["all attacks", "injection-direct", "leakage-users"]
    assert [each.value for each in mine.families[1].points] == [0.3, 0.2]
    assert [each.low for each in mine.families[1].points] == pytest.approx([0.2, 0.1])


def test_denials_lead_to_their_turns(place):
    view = look(place)
    assert [(each.name, each.denied, each.link) for each in view.tools] == [
        ("mail.send", 1, "/turns?tool=mail.send&denied=1&since=24h")
    ]
    assert [each.name for each in view.rules] == ["no-outside"]
    assert view.denied.n == 1


def test_what_is_stopped_is_said_with_its_reason_as_words(place):
    view = look(place)
    assert [(each.kind, each.name, each.everybody) for each in view.switches] == [("tool", "mail.send", False)]
    shown = render("safety.html", view=view, place="acme", principal=place.somebody("operator"), twin="/").body.decode()
    assert "&lt;b&gt;It mails outside" in shown


def test_nothing_yet_says_what_to_do(tmp_path):
    from tests.unit.server.console.rooms import House

    made = House(tmp_path)
    view = safety(made.application, made.services, made.somebody("operator"), period("24h"))
    shown = render("safety.html", view=view, place="acme", principal=made.somebody("operator"), twin="/").body.decode()
    assert "No check has looked at anything" in shown
    assert "aver redteam run --tenant" in shown
    made.application.close()
