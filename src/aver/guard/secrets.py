"""Keys, tokens and passwords in a text: by the shapes their makers give them, and by a word that announces one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import log2

from aver.guard.overlaps import resolved
from aver.guard.reading import Plainly
from aver.guard.types import Finding

__all__ = ["Secrets"]

_SHAPES = {
    "AWS_ACCESS_KEY": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
    "GITHUB_TOKEN": r"(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{60,255})",
    "GITLAB_TOKEN": r"gl(?:pat|ptt|dt|rt|cbt|ft)-[A-Za-z0-9_-]{20,64}",
    "SLACK_TOKEN": r"(?:xox[abeprs]-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Z0-9]{8,20}-\d{8,20}-[a-f0-9]{32,80})",
    "SLACK_WEBHOOK": r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,120}",
    "GOOGLE_API_KEY": r"AIza[A-Za-z0-9_-]{35}",
    "GOOGLE_OAUTH_SECRET": r"GOCSPX-[A-Za-z0-9_-]{28}",
    "STRIPE_KEY": r"(?:[rs]k|whsec)_(?:live_|test_)?[A-Za-z0-9]{24,120}",
    "ANTHROPIC_API_KEY": r"sk-ant-[A-Za-z0-9_-]{20,200}",
    "OPENAI_API_KEY": r"sk-(?:proj-|svcacct-|admin-|None-)?(?=[A-Za-z0-9_-]{0,200}[A-Z])(?=[A-Za-z0-9_-]{0,200}\d)[A-Za-z0-9_-]{32,200}",
    "HUGGINGFACE_TOKEN": r"hf_[A-Za-z]{34}",
    "NPM_TOKEN": r"npm_[A-Za-z0-9]{36}",
    "PYPI_TOKEN": r"pypi-AgE[A-Za-z0-9_-]{50,300}",
    "SENDGRID_KEY": r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    "AZURE_STORAGE_KEY": r"(?<=AccountKey=)[A-Za-z0-9+/]{86}==",
    "AVER_KEY": r"aver_(?=[A-Za-z0-9_-]{0,60}\d)(?=[A-Za-z0-9_-]{0,60}[A-Z])[A-Za-z0-9_-]{32,100}",
    "JWT": r"eyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,2000}",
}
# One pass for all: the alternatives begin with letters of their own.
_SHAPED = re.compile(
    r"(?<![A-Za-z0-9_-])(?:" + "|".join(f"(?P<{kind}>{shape})" for kind, shape in _SHAPES.items()) + r")(?![A-Za-z0-9])"
)
_BEGINNINGS = (
    *(
        "AKIA",
        "ASIA",
        "ABIA",
        "ACCA",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "glptt-",
        "gldt-",
        "glrt-",
        "glcbt-",
    ),
    *(
        "glft-",
        "xox",
        "xapp-",
        "hooks.slack.com",
        "AIza",
        "GOCSPX-",
        "sk_",
        "rk_",
        "whsec_",
        "sk-",
        "hf_",
        "npm_",
        "pypi-",
        "SG.",
    ),
    *("AccountKey=", "aver_", "eyJ"),
)
"""One of these is in whatever has one of these shapes."""
_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_ARMOUR = re.compile(r"(?:[A-Za-z0-9+/=\s:,.-]|\\[nr])*")
_CONNECTION = re.compile(
    r"(?<!\w)[a-z][a-z0-9+.-]{1,30}://[^\s:/@'\"<>]{0,100}:(?P<secret>[^\s/@'\"<>]{3,200})@[\w.\[-]", re.IGNORECASE
)
_NAME = re.compile(r"(?:key|secret|token|passw(?:or)?d|passphrase|pwd|credentials?)", re.IGNORECASE)
_NAMES = ("key", "secret", "token", "passw", "passphrase", "pwd", "credential")
"""One of these is in every such name, in small letters."""
_OF = re.compile(
    r"(?<![A-Za-z])(?:(?:api|access|secret|private|signing|encryption|auth|client|account|bearer|db|user|root|admin)?[ _-]?)\Z",
    re.IGNORECASE,
)
_LONGEST_OF = 12
_ASSIGNED = re.compile(
    r"(?:[_-][a-z]{1,12})?['\"`]{0,3}\s{0,3}(?::=|=>|[:=]|\bis\b|\bbearer\b)\s{0,3}(?:bearer\s)?"
    r"['\"`]{0,3}(?P<secret>[^\s'\"`,;<>(){}\[\]]{8,200})",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"\bauthorization:\s{0,3}(?:bearer|basic|token)\s{1,3}(?P<secret>[A-Za-z0-9+/=._~-]{8,2000})", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"^[*xX.•_#-]+$|your|example|sample|placeholder|changeme|redacted|dummy|\$|%\w+%|^(?:env|file|vault|aws|gcp|azure):|^https?:|\.\.\.|"
    r"^(?:none|null|true|false|undefined|process\.env|os\.environ)|^/[a-z]|[a-z]+\.[a-z]+\.[a-z]+$|\.(?:md|html|py|js|ts|go|yaml|yml|json|com)\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_PASSWORD = re.compile(r"passw|pwd|passphrase", re.IGNORECASE)


class Secrets:
    """A :class:`~aver.guard.types.Detector`. ``kinds`` are those of known makers (``AWS_ACCESS_KEY``, ``GITHUB_TOKEN`` ...), ``PRIVATE_KEY``,
    ``CONNECTION_STRING`` (its password alone), and ``SECRET`` for what a word such as ``token`` or ``password`` announces and which looks
    like chance rather than language. Digests, commits and identifiers without such a word are none. Linear in the length of the text.
    """

    name = "secrets"

    def find(self, text: str) -> Sequence[Finding]:
        return _PLAINLY.find(text)


class _Shapes:
    """A text without anything in disguise."""

    name = "secrets"

    def find(self, text: str) -> Sequence[Finding]:
        return resolved([*_shaped(text), *_private_keys(text), *_announced(text)])


_PLAINLY = Plainly(_Shapes())


def _shaped(text: str) -> Iterator[Finding]:
    if not any(begin in text for begin in _BEGINNINGS):
        return
    for match in _SHAPED.finditer(text):
        kind = match.lastgroup or ""
        if len(set(match[0])) > 8 and not re.search(r"(?i)example", match[0]):
            yield Finding(kind, match.start(), match.end(), 0.98)


def _private_keys(text: str) -> Iterator[Finding]:
    """From the first line to the last, or as far as the armour goes where the end is missing."""
    at = 0
    while begin := _BEGIN.search(text, at):
        armour = _ARMOUR.match(text, begin.end())
        stop = armour.end() if armour else begin.end()
        # The armour's own characters take the dashes that end it, and not the letters between.
        end = _END.search(text, max(begin.end(), stop - 80), stop + 80)
        inner = _END.search(text, begin.end(), stop)
        at = (inner or end).end() if (inner or end) else max(stop, begin.end())  # type: ignore[union-attr]
        yield Finding("PRIVATE_KEY", begin.start(), at, 0.99)


def _announced(text: str) -> Iterator[Finding]:
    lower = text.lower()
    if "://" in text and "@" in text:
        for match in _CONNECTION.finditer(text):
            if not _PLACEHOLDER.search(match["secret"]) and match["secret"].lower() not in (
                "password",
                "pass",
                "secret",
            ):
                yield Finding("CONNECTION_STRING", *match.span("secret"), 0.9)
    if "authorization" in lower:
        for match in _HEADER.finditer(text):
            if _by_chance(match["secret"], 3.0) and not _PLACEHOLDER.search(match["secret"]):
                yield Finding("SECRET", *match.span("secret"), 0.85)
    if any(name in lower for name in _NAMES):
        yield from _assigned(text)


def _assigned(text: str) -> Iterator[Finding]:
    for name in _NAME.finditer(text):
        if not _OF.search(text, max(0, name.start() - _LONGEST_OF), name.start()):
            continue
        match = _ASSIGNED.match(text, name.end())
        if match is None:
            continue
        secret = match["secret"].rstrip(".!?:")
        password = _PASSWORD.match(name[0])
        # A name in a program has its digits in one place, if any: Ed25519PrivateKey, base64.b64encode.
        if not password and len(_DIGITS.findall(secret.rpartition(".")[2])) < 2:
            continue
        if len(secret) >= 8 and not _PLACEHOLDER.search(secret) and _by_chance(secret, 2.5 if password else 3.2):
            start = match.start("secret")
            yield Finding("SECRET", start, start + len(secret), 0.75)


def _by_chance(secret: str, least: float) -> bool:
    """Whether ``secret`` has ``least`` bits a character (Shannon's entropy of its own letters) and more than one class of character with
    digits among them: words and names of variables have none."""
    classes = sum(
        (any(map(str.islower, secret)), any(map(str.isupper, secret)), any(not each.isalnum() for each in secret))
    )
    if not any(map(str.isdigit, secret)) or not classes:
        return False
    counts = Counter(secret).values()
    return -sum(count / len(secret) * log2(count / len(secret)) for count in counts) >= least
