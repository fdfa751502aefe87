"""What happens in a world, as data: random, or written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

from tests.isolation.world import SUBJECTS

USERS = ("ann", "bo", "cy")
GROUPS = ("hr", "board")
SLOTS = 6


@dataclass(frozen=True)
class Put:
    """Add a document, or change its content."""

    slot: int
    subject: int
    readers: frozenset[str]


@dataclass(frozen=True)
class Restrict:
    """Other readers, same content."""

    slot: int
    readers: frozenset[str]


@dataclass(frozen=True)
class Remove:
    slot: int


Edit = Put | Restrict | Remove


@dataclass(frozen=True)
class Ingest:
    tenant: int
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Delete:
    """By hand, or an attempt at it: of a document that may be hidden from who tries."""

    tenant: int
    user: int
    slot: int
    face: int


@dataclass(frozen=True)
class Regroup:
    """A user's old key is revoked, and a new one stands for these groups."""

    tenant: int
    user: int
    groups: frozenset[str]


@dataclass(frozen=True)
class Ask:
    """A question through a face; a follow-up goes on in the user's last conversation, about it or about something else."""

    tenant: int
    user: int
    face: int
    subject: int
    follow_up: Literal["no", "it", "other"]


@dataclass(frozen=True)
class Look:
    """Everything a user can read through a face."""

    tenant: int
    user: int
    face: int


@dataclass(frozen=True)
class Compare:
    """What a user gets, beside what the same user gets where hidden documents do not exist."""

    tenant: int
    user: int
    face: int


Step = Ingest | Delete | Regroup | Ask | Look | Compare


@dataclass(frozen=True)
class Scenario:
    """The tenants' first documents, the groups of each tenant's users, and what happens then."""

    documents: tuple[tuple[Put, ...], ...]
    groups: tuple[tuple[frozenset[str], ...], ...]
    steps: tuple[Step, ...]


_slots = st.integers(0, SLOTS - 1)
_users = st.integers(0, len(USERS) - 1)
_faces = st.integers(0, 11)
_subjects = st.integers(0, len(SUBJECTS) - 1)
_groups = st.frozensets(st.sampled_from(GROUPS))
_readers = st.one_of(
    st.frozensets(st.sampled_from([*(f"user:{u}" for u in USERS), *(f"group:{g}" for g in GROUPS)]), max_size=2),
    st.just(frozenset({"everyone"})),
)
_puts = st.builds(Put, _slots, _subjects, _readers)
_edits = st.one_of(_puts, st.builds(Restrict, _slots, _readers), st.builds(Remove, _slots))


@st.composite
def scenarios(draw: st.DrawFn, steps: int) -> Scenario:
    """One to three tenants and up to ``steps`` steps."""
    tenants = draw(st.integers(1, 3))
    tenant = st.integers(0, tenants - 1)
    documents = st.lists(_puts, min_size=2, max_size=SLOTS, unique_by=lambda put: put.slot).map(tuple)
    groups = st.tuples(*(_groups for _ in USERS))
    ask = st.builds(Ask, tenant, _users, _faces, _subjects, st.sampled_from(("no", "it", "other")))
    happening = st.one_of(
        ask,
        ask,
        st.builds(Ingest, tenant, st.lists(_edits, min_size=1, max_size=3).map(tuple)),
        st.builds(Delete, tenant, _users, _slots, _faces),
        st.builds(Regroup, tenant, _users, _groups),
        st.builds(Look, tenant, _users, _faces),
        st.builds(Compare, tenant, _users, _faces),
    )
    return Scenario(
        tuple(draw(documents) for _ in range(tenants)),
        tuple(draw(groups) for _ in range(tenants)),
        tuple(draw(st.lists(happening, min_size=3, max_size=steps))),
    )


_EVERYONE, _HR, _BOARD, _ANN = (frozenset({who}) for who in ("everyone", "group:hr", "group:board", "user:ann"))
_NOBODY: frozenset[str] = frozenset()

STORY = Scenario(
    documents=(
        (
            Put(0, 0, _EVERYONE),
            Put(1, 1, _HR),
            Put(2, 0, _ANN),
            Put(3, 2, _BOARD),
            Put(4, 3, _EVERYONE),
        ),
        (Put(0, 1, _EVERYONE), Put(1, 0, _NOBODY), Put(2, 2, _HR), Put(3, 1, _EVERYONE)),
    ),
    groups=((frozenset({"hr"}), frozenset(), frozenset({"board"})), (frozenset(), frozenset({"hr"}), frozenset())),
    steps=(
        *(Ask(0, user, face, user % 2, "no") for face, user in enumerate((0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2))),
        Ask(0, 0, 0, 1, "no"),
        Ask(0, 0, 1, 0, "it"),
        Ask(1, 1, 0, 2, "no"),
        Ask(1, 0, 2, 1, "no"),
        Compare(0, 1, 1),
        Ingest(0, (Restrict(1, _BOARD), Put(2, 3, _NOBODY))),
        Look(0, 0, 1),
        Look(0, 0, 5),
        Regroup(0, 1, frozenset({"board"})),
        Ask(0, 1, 5, 1, "no"),
        Delete(0, 2, 3, 6),
        Delete(0, 0, 1, 0),
        Regroup(0, 1, _NOBODY),
        Ask(0, 1, 1, 1, "it"),
        Ingest(0, (Remove(4), Put(0, 1, _EVERYONE))),
        Compare(0, 1, 5),
        Compare(1, 0, 6),
    ),
)
"""Revocation by access list, by group and by key; deletion by hand and by source; follow-ups; two tenants with a path in common."""

FOLLOWED = Scenario(
    documents=((Put(0, 0, _ANN), Put(1, 1, _EVERYONE), Put(2, 1, _EVERYONE), Put(3, 1, _EVERYONE)),),
    groups=((_NOBODY, _NOBODY, _NOBODY),),
    steps=(
        Ask(0, 0, 0, 0, "no"),
        Ask(0, 0, 0, 1, "other"),
        Ingest(0, (Restrict(0, _NOBODY),)),
        Look(0, 0, 0),
    ),
)
"""A document answers a question, is remembered in the next turn, which cites others, and then is revoked."""
