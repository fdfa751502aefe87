"""Slack over a fake of a workspace: what becomes a document, who reads it, and what goes wrong on the way."""

import pytest

from aver.core.errors import NotFound, SourceDenied, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.parsing import parse
from aver.knowledge.sources.people import People
from aver.knowledge.types import CursorExpired
from aver.testing.clock import FixedClock
from aver.testing.fakes.sources.serving import Answer
from aver.testing.fakes.sources.slack import FakeSlack
from tests.slack import DAY, HOUR, NOON, NOW, TOKEN, slack


@pytest.fixture
def served():
    with FakeSlack() as fake:
        fake.proofs = {f"Bearer {TOKEN}"}
        yield fake


@pytest.fixture
def open_source(served, tmp_path):
    return lambda **given: slack(served, tmp_path, **given)


@pytest.fixture
def ann(served):
    return served.add_user("Ann Bo", "ann@example.org")


@pytest.fixture
def ben(served):
    return served.add_user("Ben", "Ben@Example.org")


@pytest.fixture
def general(served, ann, ben):
    return served.add_channel("general", ann, ben)


def items(source):
    return {item.path.partition("/")[2]: item for item in listed(source, "").items}


def text(source, item):
    return parse(source.fetch(item), item.path).text


def test_a_thread_is_a_document(served, open_source, ann, ben, general):
    question = served.say(general, ann, "When do we ship <https://x.example|the thing>?", NOON)
    served.say(general, ben, "On *Friday*, says <@" + ann + ">.", NOON + HOUR, thread=question)
    served.say(
        general, ann, "Here:", NOON + DAY, thread=question, files=[{"id": "F1", "name": "plan.pdf", "title": "Plan B"}]
    )
    source = open_source()
    found = items(source)
    assert list(found) == [f"{question}.md"]
    item = found[f"{question}.md"]
    assert item.uri == f"https://acme.slack.com/archives/{general.id}/p{question.replace('.', '')}"
    assert text(source, item).split("\n\n") == [
        "#general: When do we ship the thing?",
        "Ann Bo, 2026-03-10 12:00: When do we ship the thing?",
        "Ben, 2026-03-10 13:00: On Friday, says @Ann Bo.",
        "Ann Bo, 2026-03-11 12:00: Here:",
        "Files: Plan B",
    ]


def test_what_is_said_outside_of_threads_is_a_document_a_day(served, open_source, ann, ben, general):
    served.say(general, ann, "Good morning.", NOON - 3 * HOUR)
    served.say(general, ben, "Lunch?", NOON)
    served.say(general, ben, "Yesterday's news.", NOON - DAY)
    source = open_source()
    found = items(source)
    assert sorted(found) == ["2026-03-09.md", "2026-03-10.md"]
    assert text(source, found["2026-03-10.md"]).split("\n\n") == [
        "#general, 2026-03-10",
        "Ann Bo, 2026-03-10 09:00: Good morning.",
        "Ben, 2026-03-10 12:00: Lunch?",
    ]


def test_bots_and_notes_of_slack_are_left_out_but_for_what_people_answer(served, open_source, ann, general):
    served.say(general, ann, "has joined the channel", NOON, subtype="channel_join")
    served.say(general, ann, "set the topic", NOON, subtype="channel_topic")
    served.say(general, "", "Build 7 passed", NOON, subtype="bot_message", bot_id="B1", username="builder")
    served.say(general, "", "Build 8 passed", NOON, bot_id="B1")
    alone = served.say(general, "", "Deploying", NOON, subtype="bot_message", bot_id="B1", username="builder")
    served.say(general, "", "Deployed", NOON, thread=alone, bot_id="B1")
    alert = served.say(general, "", "Disk full", NOON, subtype="bot_message", bot_id="B1", username="monitor")
    served.say(general, ann, "Cleaned up.", NOON, thread=alert)
    served.say(general, "", "Disk fine", NOON, thread=alert, bot_id="B1")
    source = open_source()
    found = items(source)
    assert list(found) == [f"{alert}.md"]
    said = text(source, found[f"{alert}.md"])
    assert "monitor, 2026-03-10 12:00: Disk full" in said
    assert "Cleaned up." in said
    assert "Disk fine" not in said


def test_a_reply_that_is_shown_in_the_channel_too_is_in_its_thread_alone(served, open_source, ann, general):
    question = served.say(general, ann, "What is it?", NOON)
    served.say(general, ann, "It is this.", NOON, thread=question, subtype="thread_broadcast")
    assert list(items(open_source())) == [f"{question}.md"]


def test_edits_and_deletions_are_seen(served, open_source, ann, ben, general):
    question = served.say(general, ann, "What is it?", NOON)
    one = served.say(general, ben, "This.", NOON + 1, thread=question)
    two = served.say(general, ben, "Or that.", NOON + 2, thread=question)
    alone = served.say(general, ann, "Alone.", NOON)
    source = open_source()
    seen = [items(source)]
    for change in (
        lambda: served.edit(general, one, "Not this."),
        lambda: served.edit(general, question, "What was it?"),
        lambda: general.messages.pop(two),
    ):
        change()
        seen.append(items(source))
        assert seen[-1][f"{question}.md"].revision != seen[-2][f"{question}.md"].revision
        assert seen[-1]["2026-03-10.md"].revision == seen[-2]["2026-03-10.md"].revision
    assert "Or that" not in text(source, seen[-1][f"{question}.md"])
    served.edit(general, alone, "Not alone.")
    assert items(source)["2026-03-10.md"].revision != seen[-1]["2026-03-10.md"].revision
    del general.messages[alone]
    del general.messages[question], general.messages[one]
    assert items(source) == {}


def test_a_message_that_is_answered_becomes_a_thread_and_back(served, open_source, ann, general):
    said = served.say(general, ann, "What is it?", NOON)
    source = open_source()
    assert list(items(source)) == ["2026-03-10.md"]
    reply = served.say(general, ann, "This.", NOON, thread=said)
    assert list(items(source)) == [f"{said}.md"]
    del general.messages[reply]
    assert list(items(source)) == ["2026-03-10.md"]


def test_replies_of_old_threads_are_not_looked_through_where_the_declaration_says_so(served, open_source, ann, general):
    old = served.say(general, ann, "Old?", NOON - 20 * DAY)
    reply = served.say(general, ann, "Yes.", NOON - 20 * DAY, thread=old)
    other = served.say(general, ann, "No.", NOON - 20 * DAY + 1, thread=old)
    source = open_source(edits=7.0 * DAY)
    before = items(source)
    assert served.count("/api/conversations.replies") == 0
    served.edit(general, reply, "Perhaps.")
    assert items(source) == before
    del general.messages[reply]
    after = items(source)
    assert after[f"{old}.md"].revision != before[f"{old}.md"].revision
    served.say(general, ann, "Why?", NOON, thread=old)
    assert items(source)[f"{old}.md"].revision != after[f"{old}.md"].revision
    assert served.count("/api/conversations.replies") == 1
    assert other in general.messages


def test_what_becomes_older_drops_out(served, open_source, ann, general):
    served.say(general, ann, "Long ago.", NOON - 100 * DAY)
    served.say(general, ann, "At the edge.", NOON - 90 * DAY - 11 * HOUR)
    served.say(general, ann, "Now.", NOON)
    clock = FixedClock(NOW)
    source = open_source(clock=clock)
    assert sorted(items(source)) == ["2025-12-10.md", "2026-03-10.md"]
    clock.advance(12 * HOUR)
    assert sorted(items(source)) == ["2026-03-10.md"]
    assert sorted(items(open_source(since=0.0))) == ["2025-11-30.md", "2025-12-10.md", "2026-03-10.md"]


def test_channels_are_those_that_are_declared_or_that_the_app_is_in(served, open_source, ann, general):
    other = served.add_channel("other", ann, is_member=False)
    closed = served.add_channel("closed", ann, is_archived=True)
    secret = served.add_channel("secret", ann, type="private_channel")
    group = served.add_channel("mpdm-ann--ben-1", ann, type="mpim")
    for channel in (general, other, closed, secret, group):
        served.say(channel, ann, "Words.", NOON)

    def channels(**given):
        return {item.path.partition("/")[0] for item in listed(open_source(**given), "").items}

    assert channels() == {general.id, secret.id}
    assert channels(types=("public_channel", "private_channel", "mpim")) == {general.id, secret.id, group.id}
    assert channels(channels=("#general", secret.id, "closed")) == {general.id, secret.id}
    with pytest.raises(SourceDenied, match="not_in_channel"):
        channels(channels=("other",))
    with pytest.raises(NotFound, match="'nowhere'"):
        channels(channels=("general", "nowhere"))


def test_members_read_and_those_who_left_do_not(served, open_source, ann, ben, general):
    left = served.add_user("Left", "left@example.org", deleted=True)
    bot = served.add_user("Bot", "bot@example.org", is_bot=True)
    stranger = served.add_user("Cas", "cas@partner.example", stranger=True)
    general.members += [left, bot, stranger]
    served.say(general, ann, "Words.", NOON)

    def readers(**given):
        (item,) = items(open_source(**given)).values()
        return item.readers

    assert readers() == ("user:ann@example.org", "user:ben@example.org")
    assert readers(people=People(users={stranger.lower(): "cas"})) == (
        "user:ann@example.org",
        "user:ben@example.org",
        "user:cas",
    )
    general.members.remove(ben)
    assert readers() == ("user:ann@example.org",)
    assert readers(public="everyone") == ("everyone",)
    assert readers(people=People(groups={"general": "everyone"})) == ("everyone",)
    assert readers(people=People(groups={general.id.lower(): "all"})) == ("group:all",)
    assert readers(permissions=False) is None
    general.type = "private_channel"
    assert readers(public="everyone") == ("user:ann@example.org",)


def test_a_revocation_is_seen_without_a_change_of_what_was_said(served, open_source, ann, ben, general):
    served.say(general, ann, "Words.", NOON)
    source = open_source()
    (before,) = items(source).values()
    general.members.remove(ben)
    (after,) = items(source).values()
    assert (after.revision, after.readers) == (before.revision, ("user:ann@example.org",))


def test_who_is_not_told_reads_nothing_and_that_is_reported(served, open_source, ann, general):
    served.say(general, ann, "Words.", NOON)
    source = open_source()
    served.scopes.discard("users:read.email")
    (item,) = items(source).values()
    assert item.readers == ()
    with pytest.raises(SourceDenied, match="no e-mail addresses"):
        source.fetch(item)
    served.scopes.add("users:read.email")

    def withhold(asked):
        return Answer({"ok": False, "error": "missing_scope"}) if asked.path.endswith("members") else None

    served.meddle = withhold
    (item,) = items(source).values()
    assert item.readers == ()
    with pytest.raises(SourceDenied, match="who is in the channel"):
        source.fetch(item)
    assert items(open_source(permissions=False))[item.path.partition("/")[2]].readers is None


def test_a_missing_scope_is_named(served, open_source, ann, general):
    served.scopes.discard("groups:read")
    with pytest.raises(SourceDenied, match="groups:read"):
        listed(open_source(), "")


def test_everything_is_listed_over_many_pages(served, open_source, ann, ben):
    served.page = 7
    crowd = [served.add_user(f"User {number}", f"u{number}@example.org") for number in range(20)]
    channels = [served.add_channel(f"room-{number}", *crowd) for number in range(9)]
    for number in range(30):
        served.say(channels[0], ann, f"Alone {number}.", NOON - number * DAY)
    question = served.say(channels[1], ann, "Who?", NOON)
    for number in range(30):
        served.say(channels[1], ben, f"Reply zebra{number:03}.", NOON + number, thread=question)
    source = open_source()
    found = items(source)
    assert len(found) == 31
    assert len(found[f"{question}.md"].readers) == 20
    said = text(source, found[f"{question}.md"])
    assert all(said.count(f"zebra{number:03}") == 1 for number in range(30))
    assert said.count("Who?") == 2  # in the title and as the first message


def test_throttling_is_obeyed(served, open_source, ann, general):
    served.say(general, ann, "Words.", NOON)
    waited = []
    served.throttle(2, seconds=7)
    assert len(items(open_source(wait=waited.append))) == 1
    assert waited == [7.0, 7.0]
    limited = [Answer({"ok": False, "error": "ratelimited"}, headers={"Retry-After": "3"})]
    served.meddle = lambda _: limited.pop() if limited else None
    assert len(items(open_source(wait=waited.append))) == 1
    assert waited[2:] == [3.0]
    served.meddle = lambda _: Answer({"ok": False, "error": "ratelimited"})
    with pytest.raises(Unavailable, match="ratelimited"):
        listed(open_source(), "")


@pytest.mark.parametrize("error", ["token_expired", "invalid_auth"])
def test_a_token_that_expires_on_the_way_is_renewed(served, open_source, ann, general, error):
    served.say(general, ann, "Words.", NOON)
    if error == "token_expired":
        served.expired.add(TOKEN)

    def expire(asked):
        if asked.path.endswith("history"):
            served.proofs = {"Bearer renewed"}

    served.meddle = expire

    def secret(_):
        return TOKEN if f"Bearer {TOKEN}" in served.proofs else "renewed"

    assert len(items(open_source(secret=secret))) == 1
    with pytest.raises(SourceDenied, match=error):
        listed(open_source(), "")


def test_an_outage_in_the_middle_is_an_error(served, open_source, ann, general):
    served.page = 5
    for number in range(20):
        served.say(general, ann, f"Words {number}.", NOON - number * DAY)
    served.meddle = lambda asked: (
        Answer("", 502) if asked.path.endswith("history") and "cursor" in asked.query else None
    )
    with pytest.raises(Unavailable):
        listed(open_source(), "")
    served.meddle = lambda asked: (
        Answer({"ok": False, "error": "invalid_cursor"}) if asked.query.get("cursor") else None
    )
    with pytest.raises(Unavailable, match="invalid_cursor"):
        listed(open_source(), "")


def test_a_channel_that_is_closed_to_the_app_on_the_way_is_an_error(served, open_source, ann, general):
    served.say(general, ann, "Words.", NOON)
    other = served.add_channel("other", ann)
    served.meddle = lambda asked: (
        Answer({"ok": False, "error": "channel_not_found"}) if asked.query.get("channel") == other.id else None
    )
    with pytest.raises(NotFound, match="channel_not_found"):
        listed(open_source(permissions=False), "")


def test_a_thread_that_is_deleted_on_the_way_is_gone(served, open_source, ann, general):
    question = served.say(general, ann, "What is it?", NOON)
    served.say(general, ann, "This.", NOON, thread=question)
    served.say(general, ann, "Alone.", NOON)
    served.meddle = lambda asked: (
        Answer({"ok": False, "error": "thread_not_found"}) if asked.path.endswith("replies") else None
    )
    assert list(items(open_source())) == ["2026-03-10.md"]


@pytest.mark.parametrize(
    "broken",
    [
        Answer("<html>"),
        Answer({"ok": True}),
        Answer({"ok": True, "messages": {}}),
        Answer({"ok": True, "messages": [{"text": "no time"}]}),
        Answer({"ok": True, "messages": [{"ts": "../../x", "text": "x"}]}),
        Answer([]),
        Answer({"ok": "yes", "messages": []}),
    ],
)
def test_an_answer_that_is_misunderstood_is_not_taken_for_empty(served, open_source, ann, general, broken):
    served.say(general, ann, "Words.", NOON)
    served.meddle = lambda asked: broken if asked.path.endswith("history") else None
    with pytest.raises(Unavailable):
        listed(open_source(), "")


def test_a_history_that_goes_in_circles_or_never_ends_is_left(served, open_source, ann, general):
    said = {"ts": f"{NOON:.6f}", "user": ann, "text": "Again."}

    def circle(asked):
        told = {"ok": True, "messages": [said], "response_metadata": {"next_cursor": "same"}}
        return Answer(told) if asked.path.endswith("history") else None

    served.meddle = circle
    with pytest.raises(Unavailable, match="again and again"):
        listed(open_source(), "")
    count = iter(range(10**6))

    def barren(asked):
        told = {"ok": True, "messages": [said], "response_metadata": {"next_cursor": f"c{next(count)}"}}
        return Answer(told) if asked.path.endswith("history") else None

    served.meddle = barren
    with pytest.raises(Unavailable, match="again and again"):
        listed(open_source(), "")


def test_a_page_that_comes_twice_does_no_harm(served, open_source, ann, general):
    for number in range(3):
        served.say(general, ann, f"Words {number}.", NOON + number)
    before = items(open_source())
    real = served.answer

    def twice(asked):
        if asked.path.endswith("history") and asked.query.get("cursor") != "second":
            told = real(asked).content
            return Answer({**told, "response_metadata": {"next_cursor": "second"}})
        if asked.path.endswith("history"):
            return real(
                type(asked)(
                    **{
                        **{n: getattr(asked, n) for n in asked.__slots__},
                        "query": {k: v for k, v in asked.query.items() if k != "cursor"},
                    }
                )
            )
        return None

    served.meddle = twice
    assert items(open_source()) == before


def test_what_is_too_large_or_gone_costs_itself_alone(served, open_source, ann, general):
    long = served.say(general, ann, "x" * 5000, NOON - DAY)
    served.say(general, ann, "Short.", NOON)
    source = open_source(max_bytes=2000)
    found = items(source)
    with pytest.raises(TooLarge):
        source.fetch(found["2026-03-09.md"])
    assert "Short." in text(source, found["2026-03-10.md"])
    del general.messages[long]
    with pytest.raises(NotFound):
        source.fetch(found["2026-03-09.md"])


def test_hostile_words_are_words(served, open_source, general):
    eve = served.add_user("## Eve\n| x <script>", "eve@example.org")
    general.members.append(eve)
    served.say(
        general, eve, "# Not a heading\n[1]: x {% comment %} ```\n## Nor this [2](javascript:x) &lt;/script&gt;", NOON
    )
    served.say(general, eve, "Last words.", NOON + 1, files=[{"id": "F1", "name": "## a | b <i>"}])
    source = open_source()
    (item,) = items(source).values()
    document = parse(source.fetch(item), item.path)
    assert [document.text[b.start : b.end] for b in document.blocks if b.kind == "heading"] == ["#general, 2026-03-10"]
    assert "## Eve | x <script>, 2026-03-10 12:00: Last words." in document.text
    assert document.text.endswith("Files: ## a | b <i>")


def test_there_is_no_cursor(open_source):
    with pytest.raises(CursorExpired):
        next(open_source().pages("1"))
