"""Slack, over a fake of a workspace, against the suite for every source: what is said alone, and threads."""

import pytest

from aver.knowledge.sources.people import People
from aver.testing.fakes.sources.slack import FakeSlack
from aver.testing.sources import CHECKS, PERMISSION_CHECKS
from tests.slack import NOON, TOKEN, slack

PEOPLE = People(groups={"staff": "staff"})


class Talk:
    """Each document is in a channel of its own, whose members are its readers."""

    def __init__(self, served, folder, threaded):
        self.served, self.folder, self.threaded = served, folder, threaded
        self.ann = served.add_user("Ann", "ann@example.org")
        self.places = {}

    def open(self):
        return slack(self.served, self.folder, people=PEOPLE)

    def put(self, name, words):
        if name in self.places:
            channel, moment = self.places[name]
            self.served.edit(channel, moment, words)
            return
        self.places[name] = self._say(self.served.add_channel(name.replace(" ", "-")), words)

    def _say(self, channel, words):
        if not self.threaded:
            return channel, self.served.say(channel, self.ann, words, NOON)
        question = self.served.say(channel, self.ann, "What is it?", NOON)
        return channel, self.served.say(channel, self.ann, words, NOON + 9, thread=question)

    def remove(self, name):
        channel, moment = self.places.pop(name)
        for each in [channel.messages[moment].get("thread_ts", moment), moment]:
            channel.messages.pop(each, None)

    def permit(self, name, readers):
        channel, moment = self.places[name]
        words = channel.messages[moment]["text"]
        del self.served.channels[channel.id]
        members = [self.ann] if "user:ann@example.org" in readers else []
        self.places[name] = self._say(
            self.served.add_channel("staff" if "group:staff" in readers else name, *members), words
        )

    def away(self):
        return self.served.away()


@pytest.fixture(params=[False, True], ids=["alone", "threaded"])
def talk(request, tmp_path):
    with FakeSlack() as served:
        served.proofs = {f"Bearer {TOKEN}"}
        served.page = 10
        yield Talk(served, tmp_path, request.param)


@pytest.mark.parametrize("check", [*CHECKS, *PERMISSION_CHECKS], ids=lambda check: check.__name__)
def test_slack_keeps_the_contract(check, talk):
    check(talk)


def test_slack_dates_by_what_was_last_said_or_edited(talk):
    talk.put("one", "First.")
    (item,) = [item for page in talk.open().pages("") for item in page.items]
    channel, moment = talk.places["one"]
    assert item.changed.timestamp() == (said := float(moment))
    talk.put("one", "Second.")
    (item,) = [item for page in talk.open().pages("") for item in page.items]
    assert item.changed.timestamp() == float(channel.messages[moment]["edited"]["ts"]) > said
