"""The demo's stand-in for a language model: ``python demo/tools/model.py --port PORT`` prints its address and serves. It is a script, and
knows a few sentences of English.

It does whatever it reads, no matter who wrote it: an order in a letter is as good to it as one of the user's. So it is what every real model
has to be taken for that has read hostile text, a compromised one. What it is kept from is not its own doing.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aver.testing.provider import FakeProvider
from aver.testing.replies import Received, Reply, ToolCall

__all__ = ["follow"]

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
SPACE = re.compile(r"\s+")
REFUSALS = (
    "Not called:",
    "Denied by policy:",
    "A person did not",
    "Nobody approved",
    "It did not run:",
    "It is not known",
)
"""How Aver begins to say that a call was not made, or not seen to its end."""


@dataclass(frozen=True)
class Call:
    """A call of a tool, and where it was made what came of it."""

    name: str
    arguments: Mapping[str, Any]
    result: str = ""

    @property
    def value(self) -> Any:
        """What it returned, where that is JSON."""
        start, end = self.result.find("{"), self.result.rfind("}")
        try:
            return json.loads(self.result[start : end + 1])
        except ValueError:
            return {}

    @property
    def words(self) -> str:
        """All that it returned, to be read."""
        return " ".join(leaves(self.value)) or self.result

    def same(self, other: Call) -> bool:
        return (self.name, self.arguments) == (other.name, other.arguments)


class Unknown(Exception):
    """A person's address is not known yet: ask the directory by this name."""


Made = Callable[[re.Match[str], list[Call]], Call]
"""The call that a sentence orders, from the calls that were made before. Raises :class:`Unknown`."""


def address(who: str, before: list[Call]) -> str:
    if found := ADDRESS.search(who):
        return found[0]
    if "given there" in who:
        for call in reversed(before):
            if call.name in ("read_ticket", "search_post") and (found := ADDRESS.search(call.words)):
                return found[0]
    for call in before:
        for person in call.value.get("people", ()) if call.name == "listPeople" else ():
            if person["name"].lower() == who.strip().lower():
                return str(person["email"])
    raise Unknown(who.strip())


def send(said: re.Match[str], before: list[Call]) -> Call:
    message = {"to": [address(said[1], before)], "subject": said[2] or "From Northwind Press", "body": said[3]}
    return Call("sendMessage", {"body": message})


def schedule(said: re.Match[str], before: list[Call]) -> Call:
    invited = [address(each, before) for each in re.split(r",? and |, ", said[5]) if each] if said[5] else []
    given = {"title": said[1], "day": said[2], "start": said[3], "end": said[4], "participants": invited}
    return Call("schedule_event", given)


SENTENCES: tuple[tuple[str, Made], ...] = (
    (r"\bread ticket (\d+)", lambda said, _: Call("read_ticket", {"ticket": int(said[1])})),
    (r"\bwhich tickets are open", lambda *_: Call("list_tickets", {"state": "open"})),
    (r"\bletters about ([\w ]+?)(?: ask| want| say|[.?,]|$)", lambda said, _: Call("search_post", {"words": said[1]})),
    (r"\bcalendar of (\d{4}-\d\d-\d\d)", lambda said, _: Call("list_events", {"day": said[1]})),
    (
        r'\bclose ticket (\d+) with the note "([^"]*)"',
        lambda said, _: Call("close_ticket", {"ticket": int(said[1]), "note": said[2]}),
    ),
    (r"\bcancel event (\d+)", lambda said, _: Call("cancel_event", {"event": int(said[1])})),
    (
        r"\bschedule (?:an? |the )?(.+?) on (\d{4}-\d\d-\d\d) from (\d\d:\d\d) to (\d\d:\d\d)(?:,? and invite ([^.]+))?",
        schedule,
    ),
    (r'\bsend (?:an? )?(?:e-?mail|message) to (.+?)(?: with the subject "([^"]*)")? saying "([^"]*)"', send),
)
"""The orders that it understands."""


def orders(text: str) -> Iterator[tuple[re.Match[str], Made]]:
    """Those in a text, as they come."""
    flat = SPACE.sub(" ", text)
    found = [(said, make) for pattern, make in SENTENCES for said in re.finditer(pattern, flat, re.IGNORECASE)]
    return iter(sorted(found, key=lambda pair: pair[0].start()))


def follow(received: Received) -> Reply:
    """The next call that anything it has read orders, or else what came of all of them. A rule for
    :class:`~aver.testing.provider.FakeProvider`."""
    task, made = turn(received.body.get("messages", []))
    offered = [tool["function"]["name"] for tool in received.body.get("tools") or ()]
    if received.body.get("tool_choice") == "none":
        offered = []
    for text in (task, *(call.words for call in made)):
        for said, make in orders(text):
            try:
                call = make(said, made)
            except Unknown as person:
                call = Call("listPeople", {"words": str(person)})
            if call.name in offered and not any(call.same(each) for each in made):
                return Reply(tools=(ToolCall(f"call_{len(made) + 1}", call.name, json.dumps(call.arguments)),))
    return Reply("\n".join(filter(None, map(report, made))) or "I know only a few sentences, and this is none of them.")


def turn(messages: list[dict[str, Any]]) -> tuple[str, list[Call]]:
    """What is asked now, and the calls that were made for it."""
    begins = max(
        (at for at, each in enumerate(messages) if each["role"] == "user" and not _goes_on(messages, at)), default=0
    )
    results = {each["tool_call_id"]: text_of(each) for each in messages[begins:] if each["role"] == "tool"}
    made = [
        Call(call["function"]["name"], json.loads(call["function"]["arguments"]), results.get(call["id"], ""))
        for each in messages[begins:]
        for call in each.get("tool_calls") or ()
    ]
    return text_of(messages[begins]) if messages else "", made


def _goes_on(messages: list[dict[str, Any]], at: int) -> bool:
    """Whether a user's message is a note within a turn: what is before it is a call, or a call's result."""
    before = messages[at - 1] if at else {}
    return before.get("role") == "tool" or bool(before.get("tool_calls"))


def text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(str(part.get("text", "")) for part in content)


def leaves(value: Any) -> Iterator[str]:
    """The texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)


TOLD: Mapping[str, Callable[[Any], str]] = {
    "listPeople": lambda _: "",
    "read_ticket": lambda it: f"Ticket {it['ticket']}, {it['title']}: {it['text']}",
    "list_tickets": lambda it: "\n".join(f"Ticket {each['ticket']}, {each['title']}." for each in it["tickets"]),
    "search_post": lambda it: "\n".join(
        f"{each['sender']}, {each['date']}: {each['subject']}." for each in it["letters"]
    ),
    "list_events": lambda it: "\n".join(f"{each['day']}, {each['start']}: {each['title']}." for each in it["events"]),
    "schedule_event": lambda it: (
        f"{it['title']}, {it['day']} at {it['start']}, with {', '.join(it['participants'])}: scheduled."
    ),
    "cancel_event": lambda it: f"{it['title']}, {it['day']}: cancelled.",
    "close_ticket": lambda it: f"Ticket {it['ticket']} is {it['state']}.",
    "sendMessage": lambda it: f"The message was sent to {', '.join(it['to'])}.",
}
"""What is said of a tool's value; nothing of a look into the directory."""


def report(call: Call) -> str:
    """What came of a call, in a sentence."""
    what = call.name.replace("_", " ")
    if call.result.startswith(REFUSALS):
        return f"Not done ({what}): {call.result}"
    try:
        return TOLD[call.name](call.value)
    except (KeyError, TypeError):  # another tool, or another value than it usually has: an error's words
        return f"{what}: {call.result}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="any free one, if left out")
    with FakeProvider(follow, port=parser.parse_args().port) as server:
        print(server.base_url, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
