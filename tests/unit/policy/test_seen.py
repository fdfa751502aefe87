"""Looking up what a value has to do with finds all that comparing it with everything would."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aver.policy.matching import Text, says, shares, taken
from aver.policy.reading import holds
from aver.policy.records import Leaf, Record, Told
from aver.policy.seen import Seen

WORDS = st.sampled_from(
    [
        "ann", "Ann", "ann@corp.test", "general", "the plan of Monday", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000",
        "http://x.test/a", "x.test/a", "www.x.test/a", "12", "1,200", "1200", "4711", "a-b-", "\u0430nn", "a\u200bnn", "", "...", "\n", "\u00df",
        "b7", "one two three four", "2024-05-15",
    ]
)  # fmt: skip
VALUES = (
    WORDS
    | st.lists(WORDS, max_size=4).map(" ".join)
    | st.lists(WORDS, max_size=3).map("".join)
    | st.text(max_size=12)
    | st.integers(-5, 5000)
    | st.floats()
    | st.booleans()
    | st.none()
)


@given(st.lists(st.tuples(VALUES, st.booleans()), max_size=12), VALUES)
@example([("1e-07", False), (1e-07, False)], 1e-07)
@settings(max_examples=500)
def test_nothing_that_matters_is_passed_over(added: list[tuple[Any, bool]], value: Any) -> None:
    seen: Seen[int] = Seen()
    wanted = Text(value)
    for number, (each, pieces) in enumerate(added):
        seen.add(number, Text(each), pieces=pieces)
    found = [number for number, _ in seen.near(wanted)]
    assert found == sorted(set(found))
    for number, (each, pieces) in enumerate(added):
        text = Text(each)
        leaf = Leaf("", text, trusted=True)
        if says(wanted, text) or taken(wanted, text) or holds(leaf, wanted) or (pieces and shares(wanted, text)):
            assert number in found


def test_what_has_nothing_to_do_with_it_is_not_looked_at() -> None:
    people = [Record((Leaf("name", Text(f"Person {number} of the fair"), True),)) for number in range(1000)]
    told = Told("1.1", "list", {}, people)
    assert [leaf.text.raw for _, leaf in told.near(Text("Person 777 of the fair"))] == ["Person 777 of the fair"]
    assert list(told.near(Text("nobody@corp.test"))) == []
