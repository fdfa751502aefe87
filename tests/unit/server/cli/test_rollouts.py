"""``aver rollout`` as a release manager uses it: begun, looked at, changed by a word, overtaken, and what came of it afterwards."""

from __future__ import annotations

import json

import pytest

from aver.core.settings import Settings
from aver.evidence import Draft
from aver.releases.rollout.assignment import Who, assign
from aver.server.application import Application
from aver.server.cli import main
from aver.server.rolling import desk
from aver.testing import HashEmbedder
from tests.releases import write_bundle

DECLARED = """feature: {model: extractive}
release: {environments: {production: {}}}
rollout:
  stages: [{percent: 50, samples: 10}]
  metrics: [{metric: groundedness, no_worse_by: 0.1}]
  shadow: {percent: 10, usd: 1}
"""


@pytest.fixture
def aver(tmp_path, capsys):
    """Run a command; its document with ``--json``, else what it printed."""

    def run(*words, code=0, text=False):
        assert main(["--data", str(tmp_path / "data"), *words, *([] if text else ["--json"])]) == code
        said = capsys.readouterr()
        return said.out + said.err if text else json.loads(said.out)

    return run


@pytest.fixture
def started(aver, tmp_path):
    """The two digests, with a rollout of the second under way."""
    aver("tenant", "create", "acme")
    bundle, digests = tmp_path / "bundle", []
    for number in (1, 2):
        write_bundle(bundle, DECLARED, prompts__answer_dot_md=f"Answer {number}.\n")
        made = aver("release", "create", "--bundle", str(bundle), "-u", "ann", "--tag", f"v{number}")
        digests.append(made["digest"])
        if number == 1:
            aver("release", "promote", "v1", "production", "-u", "ann")
    aver("rollout", "start", "v2", "--user", "ann")
    aver("rollout", "step")
    return digests


@pytest.fixture
def application(tmp_path, started):
    opened = Application(Settings(data=tmp_path / "data"), embedder=HashEmbedder())
    yield opened
    opened.close()


def turns(application, supported, count=120):
    """So many turns of as many users, of which those of the candidate are supported so far."""
    services, rollout = application.tenant("acme"), desk(application).one("production").rollout
    drafts = []
    for number in range(count):
        assigned = assign(rollout, Who(services.store.tenant.id, f"user{number}"))
        turn, subject = f"turn_{number:03}", f"user:user{number}"
        of_all = supported if assigned.arm == "candidate" else 3
        drafts += [
            Draft(
                turn,
                "admitted",
                subject,
                {"characters": 9, **assigned.facts()},
                {"question": f"How many days, {number}?", "user": f"user{number}"},
            ),
            Draft(turn, "verified", subject, {"sentences": 3, "supported": of_all}, {}),
            Draft(turn, "sealed", subject, {}),
        ]
    with services.store.begin() as tx:
        services.ledger.append_all(tx, drafts)
    return rollout


def test_a_rollout_is_changed_by_a_word_and_what_it_came_to_is_seen_afterwards(aver, started, tmp_path):
    (tmp_path / "bundle" / "aver.yaml").write_text("rollout: {stages: [{percent: 100}]")  # nobody reads it any more
    for word, status in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        assert aver("rollout", word, code=2)["title"]
        assert aver("rollout", word, "--reason", " ", code=2)["detail"]
        assert aver("rollout", word, "--reason", "we look", "--user", "ann")["status"] == status
    assert aver("rollout", "resume", "--reason", "again", code=3)["detail"]
    shown = aver("rollout", "status")
    assert (shown["rollout"]["status"], shown["rollout"]["reason"]) == ("aborted", "we look")
    assert [each["status"] for each in aver("rollout", "history")["rollouts"]] == ["aborted"]
    assert aver("experiment", "status", code=3)["detail"] == "There was no experiment in 'production' yet"


def test_a_rollback_over_its_head_ends_a_rollout(aver, started, tmp_path):
    back = aver("release", "rollback", "production", "--reason", "it is rude", "-u", "bob")
    assert back["digest"] == started[0]
    assert aver("rollout", "step")["changed"] == []
    assert [each["status"] for each in aver("rollout", "history")["rollouts"]] == ["aborted"]
    assert aver("rollout", "start", "v2", "--user", "ann")["status"] == "running"
    for blob in (tmp_path / "data" / "releases" / "blobs").iterdir():
        blob.unlink()
    words = ("release", "rollback", "production", "--reason", "the disk is broken")
    assert "'aver.yaml' are gone" in aver(*words, text=True), "it is done, and told"


def test_what_got_past_is_told_and_its_turns_become_cases(aver, application, started):
    rollout = turns(application, supported=0)
    (ended,) = aver("rollout", "step")["changed"]
    assert (ended["id"], ended["status"]) == (rollout.id, "rolled_back")
    (finding,) = aver("rollout", "status")["analysis"]["findings"]
    (escape,) = aver("rollout", "calibration", "--tenant", "acme")["escapes"]
    assert (escape["metric"], escape["gap"], escape["turns"]) == ("groundedness", "no gate", finding["turns"])
    assert "escaped: groundedness of release" in aver("rollout", "calibration", "--tenant", "acme", text=True)
    assert aver("dataset", "promote", "--tenant", "acme", "--incident", "INC-7", code=3)["detail"]
    promoted = aver("dataset", "promote", "--tenant", "acme", "--incident", rollout.id)
    assert len(promoted["cases"]) + sum(promoted["left_out"].values()) == len(escape["turns"])


def test_shadows_are_shown_to_who_asked_and_counted_of_all(aver, application, started):
    services, rollout = application.tenant("acme"), desk(application).one("production").rollout
    now, ann = application.clock.now(), services.principal("ann")
    with services.store.begin() as tx:
        for number in range(12):
            turn, who = f"turn_{number:03}", ann if number < 2 else services.principal(f"user{number}")
            conversation = services.conversations.enter(tx, who, None, now)
            services.conversations.add(tx, conversation, turn, now)
            said = {"variant": "candidate", "shadow": f"{turn}s", "groundedness": 0.5, "rollout": rollout.id}
            asked = {"question": "How many days?", "user": who.user, "groups": []}
            drafts = [
                Draft(turn, "admitted", who.subject, {}, asked),
                Draft(f"{turn}s", "admitted", who.subject, {"shadow_of": turn}, asked),
                Draft(turn, "verified", who.subject, {"sentences": 2, "supported": 2}, {}),
                Draft(turn, "shadowed", who.subject, said, {"text": "" if number else "Ten."}),
                Draft(turn, "sealed", who.subject, {}),
            ]
            services.ledger.append_all(tx, drafts)
    who = ("--tenant", "acme", "--user", "ann")
    found = aver("rollout", "shadow", *who)
    assert (found["rollout"], found["turns"], found["own"]) == (rollout.id, 12, 2)
    (difference,) = found["differences"]
    assert (difference["metric"], difference["turns"], difference["change"]) == ("groundedness", 12, -0.5)
    assert difference["low"] < -0.5 < difference["high"]
    (otherwise,) = found["otherwise"]
    assert (otherwise["turn"], otherwise["shadow"], otherwise["metrics"]["groundedness"]) == (
        "turn_000",
        "Ten.",
        [1.0, 0.5],
    )
    told = aver("rollout", "shadow", *who, text=True)
    assert "12 turns of acme were answered by the candidate too, 2 of ann, 1 of these otherwise" in told
    assert "candidate: Ten." in told
    assert aver("rollout", "shadow", "--tenant", "acme", "--user", "eve")["otherwise"] == []
    assert aver("rollout", "shadow", *who, "--rollout", "rollout_9")["turns"] == 0


def test_a_sign_off_is_withdrawn(aver, tmp_path):
    declared = "release: {environments: {production: {sign_offs: [security]}}}\n"
    aver("tenant", "create", "acme")
    aver("release", "create", "--bundle", str(write_bundle(tmp_path / "b", declared)), "-u", "ann", "--tag", "v1")
    aver("release", "sign-off", "v1", "--role", "security", "-u", "sec")
    words = ("release", "withdraw", "v1", "--role", "security", "--of")
    assert aver(*words, "tom", "--reason", "he left", code=3)["detail"]
    assert "no longer signed off" in aver(*words, "sec", "--reason", "she left", "-u", "ann", text=True)
    aver("release", "promote", "v1", "production", "-u", "ann", code=1)
