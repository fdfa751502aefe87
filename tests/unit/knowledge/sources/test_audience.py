"""Who passes several barriers at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.knowledge.sources.audience import ALL, Audience, both, either

MEMBERS = {"g": frozenset("ab"), "h": frozenset("bc"), "i": frozenset()}
AUDIENCES = st.builds(
    Audience,
    st.frozensets(st.sampled_from("abcd")),
    st.frozensets(st.sampled_from("ghi")),
    st.booleans(),
    st.sampled_from(["", "", "", "hidden"]),
)


def people(audience):
    """The persons an audience lets in, of all there are."""
    if audience.untold:
        return set()
    if audience.everyone:
        return set("abcde")
    return audience.users.union(*(MEMBERS[group] for group in audience.groups))


@given(AUDIENCES, AUDIENCES)
def test_who_passes_two_barriers_passes_each(one, other):
    assert people(both(one, other, MEMBERS.__getitem__)) == people(one) & people(other)


@given(AUDIENCES, AUDIENCES, AUDIENCES)
def test_the_order_of_barriers_does_not_matter(one, two, three):
    members = MEMBERS.__getitem__
    first = both(both(one, two, members), three, members)
    assert people(first) == people(both(one, both(two, three, members), members))


@given(AUDIENCES, AUDIENCES)
def test_members_that_are_not_told_make_the_audience_narrower(one, other):
    known, unknown = both(one, other, MEMBERS.__getitem__), both(one, other, lambda _: frozenset())
    assert people(unknown) <= people(known)


@given(st.lists(AUDIENCES, max_size=3))
def test_either_lets_in_who_is_in_one(some):
    found = either(some)
    assert people(found) == set().union(*map(people, [each for each in some if not each.untold]))
    assert bool(found.untold) <= (not people(found))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ALL, Audience(groups=frozenset("g"))),
        (Audience(groups=frozenset("gh")), Audience(groups=frozenset("g"))),
        (Audience(users=frozenset("a")), Audience(users=frozenset("ab"))),
        (Audience(), Audience(groups=frozenset("g"))),
    ],
)
def test_members_are_asked_for_only_where_they_matter(one, other):
    def members(group):
        raise AssertionError(group)

    both(one, other, members)
