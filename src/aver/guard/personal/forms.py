"""What tells itself by its form, with the words around it: addresses on the net, telephone numbers, dates, ages, forms of address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from aver.guard.personal.places import COUNTRIES, NATIONS
from aver.guard.types import Finding

__all__ = ["forms"]

_TOP = "com|org|net|edu|gov|io|co|info|biz|de|fr|uk|es|it|nl|eu|ch|at|se|no|dk|fi|pl|cz|pt|be|ie|ca|au|nz|us|br|mx|in|jp|cn|ru|hu|ro|gr|dev|app|ai"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]{0,6}"
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_URL = re.compile(r"(?<!\w)(?:https?://|www\.)[^\s<>\"'{}|\\^`]{2,2000}", re.IGNORECASE)
_DOMAIN = re.compile(rf"(?<![\w@./-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,4}}(?:{_TOP})(?![\w@-]|\.\w)", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.IGNORECASE)
_PHONE = re.compile(
    r"(?<![\w.,/+-])(?:\+|00)?\(?\d[\d ()./\u2011-]{5,22}\d(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w-]|[.,]\d)"
)
_SAYS_PHONE = re.compile(
    r"\b(?:phone|telephone|tel|call|calling|mobile|cell|fax|dial|reach(?: \w+)? (?:at|on)|text(?: \w+)? (?:at|on)|number is|whatsapp|sms)\b",
    re.IGNORECASE,
)
_AMERICAN = re.compile(r"(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?:\s?(?:x|ext\.?)\s?\d+)?")
_DATE = re.compile(
    r"(?<![\w.:/-])(?:\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?|\d{1,2}[/.]\d{1,2}[/.](?:\d{4}|\d{2})"
    rf"|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH},? \d{{4}}|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|{_MONTH} \d{{4}})(?![\w/-])",
    re.IGNORECASE,
)
_BIRTH = re.compile(r"\b(?:born|birth|birthday|d\.?o\.?b)\b", re.IGNORECASE)
_AGE = re.compile(
    r"(?<![\w.,])(\d{1,3})(?=[ -]?(?:years?|yrs?)[ -]old\b|[ -]?y/?o\b| years of age\b)"
    r"|\b(?:aged|age:?|at the age of|turned|turns|turning|turn) (\d{1,3})(?![\w%]|[.,:/]\d)",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(
    r"(?<!\w)(?:(?:Mr|Mrs|Ms|Mx|Dr|Prof|mr|mrs|ms|dr|prof)\.|(?:Mr|Mrs|Ms|Mx|Dr|Prof|Miss)(?=\s[A-Z]))(?=\s[^\W\d_])"
)
_ZIP = re.compile(
    r"\b(?:zip(?: ?code)?|post(?:al)? ?code)(?:\s+is)?:?\s+([A-Z0-9]{2,8}(?:[ -][A-Z0-9]{2,4})?)(?!\w)", re.IGNORECASE
)
_LICENSE = re.compile(
    r"\bdriv(?:er|ing)['\u2019]?s? licen[cs]e(?: (?:number|no\.?|is|#)){0,3}:?\s+([A-Z]{0,2}\d[\d -]{4,18}\d)(?!\w)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?=[A-Z])(?:" + "|".join(sorted(map(re.escape, COUNTRIES), key=len, reverse=True)) + r")\b")
_WORD = re.compile(r"(?<![^\W_])[A-Za-z]{3,14}(?![^\W_])")
_PEOPLE = frozenset(form for name in NATIONS for form in (name.lower(), f"{name.lower()}s"))
_NEAR = 40


class _Form(NamedTuple):
    kind: str
    pattern: re.Pattern[str]
    score: float


_PLAIN = (
    _Form("EMAIL_ADDRESS", _EMAIL, 0.99),
    _Form("DOMAIN_NAME", _DOMAIN, 0.7),
    _Form("TITLE", _ADDRESSED, 0.9),
    _Form("AGE", _AGE, 0.9),
    _Form("ZIP_CODE", _ZIP, 0.9),
    _Form("US_DRIVER_LICENSE", _LICENSE, 0.9),
    _Form("GPE", _PLACE, 0.6),
)


def forms(text: str) -> Iterator[Finding]:
    """Not in order, and possibly over one another."""
    for kind, pattern, score in _PLAIN:
        for match in pattern.finditer(text):
            start, end = match.span(match.lastindex or 0)
            yield Finding(kind, start, end, score)
    for match in _URL.finditer(text):
        address = match[0].rstrip(".,;:!?)]*_")
        yield Finding(_url_kind(address), match.start(), match.start() + len(address), 0.99)
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            if _is_address(match[0]):
                yield Finding("IP_ADDRESS", match.start(), match.end(), 0.97)
    for match in _DATE.finditer(text):
        born = _BIRTH.search(text, max(0, match.start() - _NEAR), match.start())
        yield Finding("DATE_TIME", match.start(), match.end(), 0.95 if born else 0.8)
    for match in _WORD.finditer(text):
        if match[0].lower() in _PEOPLE:
            yield Finding("NRP", match.start(), match.end(), 0.6)
    yield from _phones(text)


def _url_kind(address: str) -> str:
    """Whose site it is may be personal by itself; what is on it is another matter."""
    whole = address if "//" in address else f"//{address}"
    try:
        parts = urlsplit(whole)
    except ValueError:
        return "URL"
    return "URL" if parts.path.strip("/") or parts.query else "DOMAIN_NAME"


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback)


def _phones(text: str) -> Iterator[Finding]:
    for match in _PHONE.finditer(text):
        number = match[0]
        digits = sum(map(str.isdigit, number))
        if not 6 <= digits <= 20 or _DATE.fullmatch(number) or number.count("(") != number.count(")"):
            continue
        said = _SAYS_PHONE.search(text, max(0, match.start() - _NEAR), match.start())
        if number.startswith(("+", "00")):
            if _possible(number, None):
                yield Finding("PHONE_NUMBER", match.start(), match.end(), 0.95)
        elif said:
            yield Finding("PHONE_NUMBER", match.start(), match.end(), 0.85)
        elif _AMERICAN.fullmatch(number) and _possible(number, "US"):
            yield Finding("PHONE_NUMBER", match.start(), match.end(), 0.75)


def _possible(number: str, region: str | None) -> bool:
    import phonenumbers

    written = "+" + number[2:] if number.startswith("00") else number
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(written, region))
    except phonenumbers.NumberParseException:
        return False
