"""Whom the accounts and groups of another system are here, so that its permissions become reader tokens.

An account is the user whose name is its e-mail address, in lower case, unless the declaration says otherwise. A group of that system is a
group here called ``SOURCE/GROUP``: that two systems call a group alike does not make it the same people; one that the declaration says
is ``everyone`` is every user of the tenant. Whom nobody here is known to be reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from aver.core.errors import InvalidInput
from aver.core.principal import EVERYONE, group_reader, user_reader
from aver.gateway.config.shapes import Field, MapOf, Record, Text

__all__ = ["PEOPLE", "Access", "People"]


@dataclass(frozen=True, slots=True)
class People:
    """``users`` by account id or e-mail address, ``groups`` by their name or id in the other system; both in lower case."""

    users: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    def user(self, email: str | None, *ids: str) -> str | None:
        """The reader token of an account; ``None`` where nobody here is known to be it."""
        known = [each.lower() for each in (*ids, email) if each]
        name = next((self.users[each] for each in known if each in self.users), (email or "").lower())
        return _token(user_reader, name) if name else None

    def group(self, source: str, *names: str) -> str | None:
        """The reader token of a group of ``source`` that has these names or ids there, the most telling first."""
        known = [each for each in names if each]
        name = next((self.groups[each.lower()] for each in known if each.lower() in self.groups), None)
        if name == EVERYONE:
            return EVERYONE
        return _token(group_reader, name or f"{source}/{known[0]}") if known else None


@dataclass(frozen=True, slots=True)
class Access:
    """``readers`` of all that is in one place of another system, ``None`` where a declaration's access list decides; ``untold`` says why
    nobody can be named, where that system does not tell."""

    readers: tuple[str, ...] | None
    untold: str = ""


def _token(reader: Callable[[str], str], name: str) -> str | None:
    try:
        return reader(name)
    except InvalidInput:  # such as a name too long to be one here
        return None


def _people(**given: Mapping[str, str]) -> People:
    return People(**{part: {key.lower(): value for key, value in named.items()} for part, named in given.items()})


PEOPLE = Field(
    Record(
        _people,
        {
            "users": Field(MapOf(Text(), Text()), "Account id or e-mail address there: user here."),
            "groups": Field(MapOf(Text(), Text()), "Group name or id there: group here, or everyone."),
        },
        lambda people: {part: named for part, named in asdict(people).items() if named},
    ),
    "Whom accounts and groups of the system are here, where that is not the e-mail address and SOURCE/GROUP.",
)
"""A field for declarations of sources with permissions; its value is a :class:`People`."""
