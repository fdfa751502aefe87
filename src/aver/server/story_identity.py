"""The steps of people, roles and API keys, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aver.evidence.types import StepKind
from aver.server.known import Known

__all__ = ["IDENTITY"]


def _key_created(known: Known) -> str:
    words = ["Made the API key", known.text("key"), *(("for", known.text("user")) if known.text("user") else ())]
    return " ".join(filter(None, words)) + (f", in place of {known.text('after')}" if known.text("after") else "")


def _key_revoked(known: Known) -> str:
    overlap = known.count("overlap_s")
    ended = (
        f"Let the API key {known.text('key')} end in {overlap:,} s"
        if overlap
        else f"Revoked the API key {known.text('key')}"
    )
    return " ".join(ended.split())


def _glass_broken(known: Known) -> str:
    who = known.text("by", "Somebody")
    return f"{who} broke the glass: an owner's access for {known.number('minutes', 'some')} minutes ({known.text('reason')})"


def _signed_in(known: Known) -> str:
    means = {"provider": "through the identity provider", "key": "with an API key", "glass": "by breaking the glass"}
    return f"{known.text('user', 'Somebody')} signed in {means.get(known.text('with'), '')}".rstrip()


def _session_ended(known: Known) -> str:
    return f"A session of {known.text('user', 'somebody')} was ended by {known.text('by', 'an admin')}"


def _person_changed(known: Known) -> str:
    who, event = known.text("user", "Somebody"), known.text("event", "changed")
    words = {
        "added": "is new here",
        "deactivated": "may not act any more",
        "reactivated": "may act again",
        "removed": "was removed",
        "granted": "has the roles",
        "claimed": "is in other groups; the roles are",
    }
    roles = ", ".join(known.texts("roles")) or "none"
    told = f"{who} {words.get(event, 'was changed')}"
    return f"{told} {roles}" if event in ("granted", "claimed") else told


def _group_changed(known: Known) -> str:
    name, event = known.text("name", "A group"), known.text("event", "changed")
    return f"The group {name} was {event}, with {known.counted('members', 'member')}"


def _identity_declared(known: Known) -> str:
    return f"Declared who vouches for people, and {known.counted('roles', 'group')} with roles"


IDENTITY: Mapping[StepKind, Callable[[Known], str]] = {
    "key_created": _key_created,
    "key_revoked": _key_revoked,
    "glass_broken": _glass_broken,
    "signed_in": _signed_in,
    "session_ended": _session_ended,
    "person_changed": _person_changed,
    "group_changed": _group_changed,
    "identity_declared": _identity_declared,
}
