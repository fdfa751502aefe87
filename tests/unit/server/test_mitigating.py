"""What is done about incidents: it takes effect in other processes too, is allowed at its moment, is on record, and is taken back."""

from dataclasses import replace

import pytest

from aver.core.errors import Conflict, Forbidden, InvalidInput, LimitReached, NotFound, Stopped, Unauthenticated
from aver.core.principal import Principal
from aver.gateway.budgets.types import Amount, Spender
from aver.knowledge.sources import parse_sources
from aver.ops.mitigation.actions import read_action
from aver.ops.mitigation.automatic import mitigate
from aver.ops.mitigation.types import Actor, Mitigator, When
from aver.ops.runbooks.reading import read_runbook
from aver.ops.runbooks.running import RunbookRun
from aver.ops.types import Departure
from aver.server.mitigating import machine_actor, person_actor
from tests.unit.server.releases import ENVIRONMENT, home

BUNDLE = """
providers:
  one: {kind: openai, base_url: 'http://127.0.0.1:9/v1'}
  two: {kind: openai, base_url: 'http://127.0.0.1:9/v1'}
models: {small: {provider: one, price: {input: 1, output: 1}}, large: {provider: two, price: {input: 1, output: 1}}}
routes: {answers: {models: [small, large]}, alone: {models: [small], last_resort: false}}
guardrails:
  input: {personal: flag, secrets: block}
  profiles: {strict: {input: {injection: block}, output: {personal: redact}}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with home(tmp_path_factory.mktemp("mitigating")) as found:
        found.first = found.freeze("first", BUNDLE)
        found.second = found.freeze("second", BUNDLE + "retrieval: {passages: 3}\n")
        found.promote(found.first)
        found.promote(found.second)
        found.other = found.replica()
        found.services = found.application.tenant("acme")
        yield found


@pytest.fixture
def incident(place):
    desk = place.services.operations.incidents
    found = desk.open("answers are wrong", by="ann")
    yield found.id
    for each in place.services.operations.mitigations.mitigations(standing=True):
        place.services.operations.mitigations.undo(each.id, machine_actor(place.services, "ann"), reason="tidying")


@pytest.fixture
def desk(place):
    return place.services.operations.mitigations


@pytest.fixture
def take(place, desk, incident):
    def taken(text, **more):
        actor = more.pop("actor", None) or machine_actor(place.services, "ann")
        return desk.take(read_action(text), actor, reason="it answers wrong", incident=incident, **more)

    return taken


def elsewhere(place):
    """What another process knows, as soon as its last reading is too old."""
    place.other.switches._asked = float("-inf")
    return place.other.switches


async def test_a_provider_is_shut_out_in_every_process_and_let_in_again(place, desk, take):
    tenant = place.services.store.tenant.id
    done = take("shut_out_provider provider=one")
    assert (done.status, done.said, done.by) == ("in_force", "the provider 'one' is shut out", "ann")
    with pytest.raises(Stopped, match="it answers wrong"):
        await elsewhere(place).halt(tenant, provider="one", model="small")
    await elsewhere(place).halt(tenant, provider="two", model="large")
    undone = desk.undo(done.id, machine_actor(place.services, "bob"), reason="it is well again")
    assert undone.status == "undone"
    await elsewhere(place).halt(tenant, provider="one", model="small")
    with pytest.raises(Conflict, match="undone already"):
        desk.undo(done.id, machine_actor(place.services, "bob"), reason="once more")


def test_a_dry_run_says_what_it_would_do_and_does_nothing(place, desk):
    assert desk.prepare(read_action("shut_out_provider provider=two")).said == "would shut out the provider 'two'"
    prepared = desk.prepare(read_action("shut_out_provider provider=one"))
    assert prepared.warning == "nobody else answers for alone"
    with pytest.raises(NotFound, match="no provider 'on'"):
        desk.prepare(read_action("shut_out_provider provider=on"))
    assert place.application.store.switches() == []
    assert desk.mitigations(standing=True) == []


async def test_guardrails_are_tightened_by_a_check_and_by_a_profile(place, take):
    def modes():
        place.other.switches._refresh()
        guard = place.other.guards.of("acme")
        return {(where, rail.check.name): rail.mode for where, rails in guard._rails.items() for rail in rails}

    elsewhere(place)
    before = modes()
    assert before["input", "personal"] == "flag"
    take("tighten_guardrail check=personal")
    elsewhere(place)
    assert modes()["input", "personal"] == "block"
    take("tighten_guardrail profile=strict")
    elsewhere(place)
    assert modes() == before | {
        ("input", "personal"): "block",
        ("input", "injection"): "block",
        ("output", "personal"): "block",
    }


async def test_a_limit_holds_beside_the_budgets_that_are_declared(place, take):
    take('limit feature=assistant to="2 requests/hour"')
    tenant = place.services.store.tenant.id
    place.other.tenant("acme")
    place.other.servings.stable()
    elsewhere(place)._refresh()
    budgets = place.other.budgets(tenant)
    spender = Spender(Principal(tenant, "ann"), feature="assistant")
    for _ in range(2):
        (await budgets.reserve(spender, Amount(1))).settle(Amount(1))
    with pytest.raises(LimitReached, match="held-feature-assistant"):
        await budgets.reserve(spender, Amount(1))
    await budgets.reserve(spender._replace(feature="search"), Amount(1))
    await budgets.close()
    with pytest.raises(InvalidInput, match="no limit"):
        take("limit feature=assistant to=little")


def test_a_release_is_rolled_back_and_promoted_again(place, desk, take):
    done = take("roll_back")
    registry = place.registry
    assert registry.environment(ENVIRONMENT).digest == place.first
    desk.undo(done.id, machine_actor(place.services, "ann"), reason="it was not that")
    assert registry.environment(ENVIRONMENT).digest == place.second
    with pytest.raises(NotFound, match="no rollout under way"):
        take("stop_rollout")


def test_who_is_no_operator_any_more_does_nothing_more(place, take, desk, incident):
    directory, tenant = place.application.directory, place.services.store.tenant.id
    with directory.change(tenant, "ann") as change:
        person = change.add("olga")
        change.grant(person, ["operator"])
    olga = person_actor(place.application, place.services, "olga")
    assert take("disable_tool tool=wire", actor=olga).status == "in_force"
    with directory.change(tenant, "ann") as change:
        change.grant(directory.find(tenant, "olga"), ["member"])
    with pytest.raises(Forbidden, match="This takes the role"):
        take("disable_tool tool=refund", actor=olga)
    refused = desk.mitigations(incident=incident)[-1]
    assert (refused.status, refused.by) == ("refused", "olga")
    timeline = place.services.operations.report(incident).timeline.entries
    assert [each.what for each in timeline if each.kind == "mitigation"] == ["in force", "refused"]
    assert {each.name for each in place.application.store.switches()} == {"wire"}


def alert(place, rule="anomaly:model_failures", **labels):
    changes = place.services.operations.alerts.look([Departure(rule, "page", tuple(labels.items()), "calls fail")])
    return changes.fired[0]


def test_what_is_done_of_itself_is_done_once_an_incident_and_within_its_limits(place, desk, incident):
    one = alert(place, feature="one", model="large")
    rule = Mitigator("outage", When("anomaly:*"), (read_action("shut_out_provider provider={provider}"),), at_most=1)
    operations = place.services.operations

    def run(*alerts):
        return mitigate(desk, [rule], alerts, operations.about, place.services.store.tenant.id)

    (done,) = run(one)
    assert (done.action, done.status, done.by) == ("shut_out_provider provider=two", "in_force", "aver-mitigation")
    assert run(one) == []
    two = replace(alert(place, feature="two", model="large"))
    assert two.incident != one.incident
    (held,) = run(two)
    assert (held.status, held.said) == ("held", "outage may do 1 things a day, and did")
    assert run(two) == []
    told = operations._departures()
    assert [each.rule for each in told] == ["mitigation:outage"]
    assert f"aver mitigation undo {done.id}" in told[0].said


def test_a_storm_of_alerts_asks_for_no_more_than_its_limits(place, desk, incident):
    features = [f"storm-{number}" for number in range(40)]
    rule = Mitigator("storm", When("anomaly:tokens"), (read_action('limit feature={feature} to="0 requests/hour"'),))
    departures = [Departure("anomaly:tokens", "page", (("feature", each),), "many tokens") for each in features]
    fired = place.services.operations.alerts.look(departures).fired
    alerts = [replace(each, incident=incident) for each in fired]
    labels = place.services.operations.about
    done = mitigate(desk, [rule], alerts, labels, place.services.store.tenant.id)
    assert [each.status for each in done] == ["in_force"] * 3 + ["held"]
    assert mitigate(desk, [rule], alerts, labels, place.services.store.tenant.id) == []


def test_nothing_is_done_of_itself_that_makes_it_worse(place, desk, incident):
    one = alert(place, "anomaly:latency", feature="three", model="small")
    rule = Mitigator("slow", When("anomaly:latency"), (read_action("shut_out_model model={model}"),))
    labels = place.services.operations.about
    assert mitigate(desk, [rule], [one], labels, place.services.store.tenant.id) == []
    (refused,) = desk.mitigations(incident=one.incident)
    assert refused.status == "refused"
    assert "nobody else answers for alone" in refused.said


def test_all_of_it_is_in_a_chain_that_verifies(place, take, desk):
    take("stop_feature feature=search")
    assert place.services.ledger.verify().ok


def test_a_runbook_is_gone_through_once_and_stops_where_somebody_may_no_more(place, desk, incident, tmp_path):
    file = tmp_path / "tools-gone.md"
    file.write_text(
        "---\ntitle: Tools go wrong\n---\n- [ ] Look.\n\n```aver\ndisable_tool tool=pay\n```\n\n```aver\ndisable_tool tool=buy\n```\n"
    )
    directory, tenant = place.application.directory, place.services.store.tenant.id
    with directory.change(tenant, "ann") as change:
        change.grant(change.add("otto"), ["operator"])
    otto = person_actor(place.application, place.services, "otto")
    incidents = place.services.operations.incidents
    running = RunbookRun(read_runbook(file), incident, {}, desk, incidents)
    assert [each.said for each in running.stands()] == [
        "",
        "would disable the tool 'pay'",
        "would disable the tool 'buy'",
    ]
    running.run(1, otto)
    assert running.run(2, otto).state == "in_force"
    with pytest.raises(Conflict, match="was done by otto"):
        running.run(2, otto)
    with directory.change(tenant, "ann") as change:
        change.save(replace(directory.find(tenant, "otto"), active=False))
    with pytest.raises(Forbidden, match="nobody who may act here"):
        running.run(3, otto)
    assert [each.state for each in running.stands()] == ["done", "in_force", "refused"]
    entries = place.services.operations.report(incident).timeline.entries
    assert [(each.kind, each.what) for each in entries if each.kind == "mitigation" or each.what == "did"] == [
        ("incident", "did"),
        ("mitigation", "in force"),
        ("mitigation", "refused"),
    ]


def test_a_paused_source_takes_nothing_in_until_it_goes_on(place, desk, take, tmp_path):
    (tmp_path / "leave.md").write_text("# Leave\n\nUnused leave carries over for ten days.\n")
    sources = place.services.sources
    sources.declare(parse_sources(f"sources: {{handbook: {{kind: folder, path: '{tmp_path}'}}}}", "s.yaml"))
    with pytest.raises(NotFound, match="Did you mean 'handbook'"):
        take("pause_source source=handbok")
    paused = take("pause_source source=handbook")
    place.application.switches._asked = float("-inf")
    with pytest.raises(Stopped, match="it answers wrong"):
        sources.follow("handbook")
    desk.undo(paused.id, machine_actor(place.services, "ann"), reason="it is mended")
    place.application.switches._asked = float("-inf")
    assert sources.follow("handbook").added == 1
    (tmp_path / "more.md").write_text("# More\n\nThe desk opens at nine.\n")
    (tmp_path / "leave.md").unlink()
    take("pause_source source=handbook")
    place.application.switches._asked = float("-inf")
    with pytest.raises(Stopped):
        sources.follow("handbook")
    assert (
        place.services.knowledge.documents(place.services.principal("ann")) == []
    )  # what was deleted is gone all the same


def test_a_damaged_index_is_made_again(place, take):
    done = take("repair_index")
    assert (done.status, done.said) == ("done", "0 documents of the index were put right")
    assert "the index was made anew" in take("rebuild_index").said


def test_a_key_is_revoked_by_an_admin_alone(place, take, desk, incident):
    key, secret = place.application.create_key("acme", "vera")
    operator = Actor.fixed(Principal(place.services.store.tenant.id, "olaf", roles=frozenset({"operator"})))
    with pytest.raises(Forbidden):
        take(f"revoke_key key={key.id}", actor=operator)
    done = take(f"revoke_key key={key.id}")
    assert (done.status, done.undoable) == ("done", False)
    with pytest.raises(Unauthenticated):
        place.application.store.authenticate(secret)
    with pytest.raises(Conflict, match="cannot be undone"):
        desk.undo(done.id, machine_actor(place.services, "ann"), reason="x")
