"""What the words in a tool's name, and in the names of its arguments, usually mean."""

from __future__ import annotations

import re
from typing import Final

from aver.policy import Effect

__all__ = ["ANYTHING", "CARRIED", "CARRYING", "MONEY", "PAIRS", "REACHED", "VERBS", "split"]


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VERBS: Final = {
    Effect.READ: _of(
        """get list read search find fetch query show describe view check count lookup retrieve browse inspect compare preview
        validate estimate calculate compute summarize summarise translate convert quote track watch ping health status history"""
    ),
    Effect.WRITE: _of(
        """create add place update set edit modify rename move copy put insert append upload save write assign unassign change close open
        reopen start stop pause resume archive unarchive restore enable disable register schedule reschedule mark label tag untag
        merge lock unlock approve reject pin unpin link unlink import replace patch complete sync grant attach detach upsert
        accept decline"""
    ),
    Effect.SEND: _of(
        """send email mail notify message publish share invite reply forward tweet broadcast announce text dm sms fax post submit
        comment remind escalate"""
    ),
    Effect.SPEND: _of(
        "pay transfer buy purchase refund charge book reserve donate withdraw deposit invest wire checkout subscribe tip bid redeem renew"
    ),
    Effect.DELETE: _of(
        "delete remove drop purge erase clear destroy cancel revoke trash empty wipe reset unsubscribe expire"
    ),
}
VERBS: Final = {verb: effect for effect, verbs in _VERBS.items() for verb in verbs}
"""The effect that a verb says."""

ANYTHING: Final = _of(
    "run execute exec eval call invoke request command shell script sql graphql batch bulk process handle perform do apply admin proxy"
)
"""Words of tools that do whatever they are told: no effect can be read off their name."""

MONEY: Final = _of(
    "money payment payments fund funds payout invoice refund transaction order booking reservation subscription checkout purchase"
)
"""What is made or sent with these words moves money, or commits to."""

CARRYING: Final = re.compile(
    r"\b(?:e-?mails|e-?mailed|notif(?:y|ies|ied|ication|ications)|invit(?:es|ations?)|text message|webhooks?|callbacks?|forwarding|sms)\b",
    re.IGNORECASE,
)
"""Words by which something is carried to somebody, now or from now on."""

REACHED: Final = _of(
    """to cc bcc recipient recipients email emails participant participants attendee attendees invitee invitees user users username
    member members assignee owner person people contact contacts account accounts iban bic payee beneficiary customer vendor url urls uri link href
    endpoint webhook callback path paths file files filename folder directory dir bucket channel channels room phone mobile address
    addresses host hostname server domain repo repository branch project workspace team group groups org organization organisation
    id ids key uuid slug ref destination target source location hotel restaurant airport company database table index queue topic
    calendar mailbox list board issue ticket order event document record item message thread comment"""
)
"""At whom or what something is aimed."""

CARRIED: Final = _of(
    """body text message content contents subject title description comment note notes summary caption html markdown attachment
    attachments data payload memo reason reply details remark remarks headline script code instructions prompt answer question"""
)
"""What is carried along."""

PAIRS: Final = (
    ("create", "delete"),
    ("create", "cancel"),
    ("create", "remove"),
    ("add", "remove"),
    ("add", "delete"),
    ("open", "close"),
    ("close", "reopen"),
    ("archive", "unarchive"),
    ("archive", "restore"),
    ("book", "cancel"),
    ("reserve", "cancel"),
    ("schedule", "cancel"),
    ("assign", "unassign"),
    ("enable", "disable"),
    ("disable", "enable"),
    ("lock", "unlock"),
    ("pause", "resume"),
    ("pin", "unpin"),
    ("tag", "untag"),
    ("link", "unlink"),
    ("attach", "detach"),
    ("grant", "revoke"),
    ("delete", "restore"),
    ("trash", "restore"),
    ("subscribe", "unsubscribe"),
    ("upload", "delete"),
)
"""A verb, and the one that takes back what it did."""

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def split(name: str) -> list[str]:
    """``getOrderItems``, ``get_order-items`` and ``HTTPStatus`` as words in lower case."""
    return [word.lower() for word in _WORD.findall(name)]
