"""Who passes several barriers, where the system behind them wants all of them passed and a document's readers are any of a list.

A space that a group may read, and in it a page for two people: its readers are those of the two who are in the group. Groups that stand
on both sides stay groups; all others are counted member by member, and whose members cannot be told is taken to have none. So the result
is never wider than what the system itself allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["ALL", "Audience", "both", "either"]


@dataclass(frozen=True, slots=True)
class Audience:
    """Accounts and groups by their ids in the other system, any of which is enough. ``untold`` says why it cannot be told who they are;
    then it is nobody."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    everyone: bool = False
    untold: str = ""


ALL = Audience(everyone=True)


def either(audiences: Iterable[Audience]) -> Audience:
    """Who is in one of them. What cannot be told of some matters only where nobody is in the others."""
    some = tuple(audiences)
    told = [each for each in some if not each.untold]
    users = frozenset[str]().union(*(each.users for each in told))
    groups = frozenset[str]().union(*(each.groups for each in told))
    everyone = any(each.everyone for each in told)
    why = next((each.untold for each in some if each.untold), "")
    return Audience(users, groups, everyone, "" if users or groups or everyone else why)


def both(one: Audience, other: Audience, members: Callable[[str], frozenset[str]]) -> Audience:
    """Who is in both. ``members`` gives the accounts of a group; it is asked only for groups that are not on both sides."""
    if one.untold or other.untold:
        return Audience(untold=one.untold or other.untold)
    if one.everyone or other.everyone:
        return other if one.everyone else one
    common = one.groups & other.groups
    rest = [(each.users, each.groups - common) for each in (one, other)]
    if not all(users or groups for users, groups in rest):
        return Audience(groups=common)
    # Whoever is in a common group passes by it, so nobody is missed by looking at the rest alone.
    first, second = (users.union(*map(members, groups)) for users, groups in rest)
    return Audience(first & second, common)
