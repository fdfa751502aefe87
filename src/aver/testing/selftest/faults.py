"""What can go wrong with a model provider, each as the replies of a fake one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Literal, NamedTuple

from aver.core.errors import (
    AverError,
    ContentFiltered,
    ContextOverflow,
    ProviderDenied,
    ProviderError,
    ProviderExhausted,
    ProviderThrottled,
    ProviderTimeout,
    StreamTruncated,
)
from aver.gateway.config.types import ErrorClass
from aver.testing.replies import Fault as Breakage
from aver.testing.replies import Reply, Tokens

__all__ = ["ABSURD", "FAULTS", "HEALTHY", "Address", "Fault", "Moment", "Place", "answer"]

Address = Literal["", "refused", "unresolved", "untrusted"]
"""What is wrong with the provider's address: nothing, nobody listens, the name does not exist, the certificate is nobody's."""
Wait = Literal["", "connect", "first_token", "stall"]
ABSURD = 10**12
"""Tokens that no reply has."""
_HOLD = 1.0
"""Seconds that a throttling provider wants to be left alone: HTTP knows no shorter time, so it is not scaled."""
_BREAKS = (("survives", 4), ("survives ", 9), ("", 0))
"""Where a reply breaks off: within a word, after a space, before its first word."""


class Place(NamedTuple):
    """A provider, by name, and what the model is called there."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Moment:
    """When a reply is due. ``asked`` says how often the model was asked, this time included, ``since`` for how many seconds. ``delay``
    is the fault's, on this machine."""

    text: str
    asked: int = 1
    since: float = 0.0
    delay: float = 0.0
    variant: int = 0


def answer(moment: Moment) -> Reply:
    """What a healthy model says, going on where it is told the beginning."""
    return Reply(moment.text, prefill="continue")


@dataclass(frozen=True, slots=True)
class Fault:
    """``reply`` is what the model that is asked first says, ``elsewhere`` what the others say.

    ``error_class`` is what a route's fallbacks know it as; ``errors`` are the classes of error that name it rightly where nobody else
    can answer. ``answers_at`` is the attempt at which the model itself answers, 0 is never. ``waits`` is what has to run out
    before the fault shows; ``hold`` for how many seconds the model asks to be left alone. Of declared seconds, ``delay`` is how long the
    first token takes, and ``lasts`` makes it an outage of the whole provider that many calls see. ``every`` makes it befall one of so many
    calls, over many. ``variants`` are places to break off.
    """

    name: str
    explanation: str
    reply: Callable[[Moment], Reply] = answer
    errors: tuple[type[AverError], ...] = (ProviderError,)
    error_class: ErrorClass = "outage"
    elsewhere: Callable[[Moment], Reply] = answer
    address: Address = ""
    answers_at: int = 0
    waits: Wait = ""
    hold: float = 0.0
    delay: float = 0.0
    lasts: float = 0.0
    every: int = 0
    variants: int = 1
    streamed: tuple[bool, ...] = (True, False)

    @property
    def many(self) -> bool:
        """Whether it shows only over many calls to one gateway."""
        return bool(self.lasts or self.every)

    def befalls(self, place: Place, faulty: Place | None) -> bool:
        """Whether what is wrong with ``faulty`` is wrong with ``place`` too."""
        return place == faulty or (self.lasts > 0 and faulty is not None and place.provider == faulty.provider)


def _refuses(**fields: object) -> Callable[[Moment], Reply]:
    reply = Reply(**fields)  # type: ignore[arg-type]
    return lambda _: reply


def _breaks(fault: Breakage) -> Callable[[Moment], Reply]:
    def reply(moment: Moment) -> Reply:
        word, into = _BREAKS[moment.variant]
        # A reply that goes on from an earlier one may be past that word.
        after = max(0, moment.text.find(word)) + into
        return Reply(moment.text, fault=fault, after=after, prefill="continue")

    return reply


def _claims(tokens: Tokens) -> Callable[[Moment], Reply]:
    return lambda moment: Reply(moment.text, tokens=tokens, prefill="continue")


def _throttled(moment: Moment) -> Reply:
    return Reply(status=429, retry_after=_HOLD) if moment.since < _HOLD else answer(moment)


def _throttled_until(moment: Moment) -> Reply:
    # A date has whole seconds, and this one is to be at least one away.
    until = int(time.time() - moment.since) + 1 + _HOLD
    return Reply(status=429, retry_after=formatdate(until, usegmt=True)) if time.time() < until else answer(moment)


def _once(moment: Moment) -> Reply:
    return Reply(status=500) if moment.asked == 1 else answer(moment)


def _slow(moment: Moment) -> Reply:
    return Reply(moment.text, first_pause=moment.delay, prefill="continue")


def _dripping(moment: Moment) -> Reply:
    return Reply(moment.text, fault="slow-drip", piece=97, pause=0.004, prefill="continue")


def _empty(moment: Moment) -> Reply:
    return Reply(moment.text, fault="empty-choices")


def _unwilling(moment: Moment) -> Reply:
    return Reply(moment.text, prefill="reject")


HEALTHY = Fault("none", "Nothing is wrong.", answers_at=1)
FAULTS: tuple[Fault, ...] = (
    Fault(
        "throttled-seconds",
        "429 with Retry-After in seconds.",
        _throttled,
        (ProviderThrottled,),
        "rate_limit",
        hold=_HOLD,
    ),
    Fault(
        "throttled-date",
        "429 with Retry-After as a date.",
        _throttled_until,
        (ProviderThrottled,),
        "rate_limit",
        hold=_HOLD,
    ),
    Fault("server-error-once", "500 on the first attempt, an answer on the second.", _once, answers_at=2),
    Fault(
        "server-error-rare",
        "500 on the first attempt of one call in twenty, for many calls.",
        _once,
        answers_at=2,
        every=20,
    ),
    Fault("outage", "503 for a minute, while calls keep coming.", _refuses(status=503), lasts=60.0),
    Fault("connection-refused", "Nobody listens at the provider's address.", address="refused"),
    Fault("name-unresolved", "The provider's host name does not exist.", address="unresolved", waits="connect"),
    Fault("certificate-untrusted", "The provider shows a certificate that nobody vouches for.", address="untrusted"),
    Fault("connection-reset", "The connection is reset before any answer.", _refuses(fault="reset")),
    Fault(
        "silence",
        "The request is taken, and nothing comes back.",
        _refuses(fault="silence"),
        (ProviderTimeout,),
        waits="first_token",
    ),
    Fault(
        "slow-first-token",
        "The first token takes twenty seconds.",
        _slow,
        (ProviderTimeout,),
        waits="first_token",
        delay=20.0,
    ),
    Fault("stream-cut", "The connection breaks in the middle of the reply.", _breaks("cut"), variants=3),
    Fault(
        "stream-stalled",
        "The reply stops coming and the connection stays open.",
        _breaks("stall"),
        (ProviderTimeout, StreamTruncated),
        waits="stall",
        variants=2,
    ),
    Fault(
        "stream-unfinished",
        "The reply ends in good order, without saying that it is whole.",
        _breaks("unfinished"),
        variants=3,
    ),
    Fault("event-malformed", "An event is not what the protocol says.", _breaks("malformed"), variants=2),
    Fault("error-event", "The provider reports an error within its stream.", _breaks("error-event"), variants=3),
    Fault("web-page", "A web page comes in place of JSON.", _refuses(fault="not-json")),
    Fault("empty-reply", "A reply of the right form has nothing in it.", _empty),
    Fault(
        "content-filtered",
        "The provider's content filter refuses the request.",
        _refuses(error="content_filter"),
        (ContentFiltered,),
        "content_filter",
    ),
    Fault(
        "context-overflow",
        "The request is longer than the model reads.",
        _refuses(error="context_overflow"),
        (ContextOverflow,),
        "context_window",
    ),
    Fault(
        "prefill-rejected",
        "The stream is cut, and the next model refuses a conversation that ends with its own words.",
        _breaks("cut"),
        elsewhere=_unwilling,
        variants=2,
        streamed=(True,),
    ),
    Fault("usage-zero", "The provider says that a reply used no tokens.", _claims(Tokens()), answers_at=1),
    Fault(
        "usage-absurd",
        "The provider says that a reply used a million million tokens.",
        _claims(Tokens(ABSURD, ABSURD)),
        answers_at=1,
    ),
    Fault("slow-drip", "The reply comes a few bytes at a time, cut anywhere.", _dripping, answers_at=1),
    Fault("key-refused", "The provider refuses the key.", _refuses(error="auth"), (ProviderDenied,)),
    Fault(
        "quota-exhausted",
        "The account's quota is used up.",
        _refuses(error="quota"),
        (ProviderExhausted,),
        "rate_limit",
    ),
)
