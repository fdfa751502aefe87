"""What tells itself by its form, with the words around it: addresses on the net, telephone numbers, dates, ages, forms of address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from aver.guard.personal.digits import regions
from aver.guard.personal.places import COUNTRIES, NATIONS
from aver.guard.types import Finding

__all__ = ["forms"]

_TOP = "com|org|net|edu|gov|io|co|info|biz|de|fr|uk|es|it|nl|eu|ch|at|se|no|dk|fi|pl|cz|pt|be|ie|ca|au|nz|us|br|mx|in|jp|cn|ru|hu|ro|gr|dev|app|ai"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]{0,6}"
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_URL = re.compile(r"(?<!\w)(?:https?://|www\.)[^\s<>\"'{}|\\^`]{2,2000}", re.IGNORECASE)
_DOMAIN = re.compile(rf"(?<![\w@./-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,4}}(?:{_TOP})(?![\w@-]|\.\w)", re.IGNORECASE)
_TOP_DOMAIN = re.compile(rf"\.(?:{_TOP})(?![\w@-]|\.\w)", re.IGNORECASE)
_LONGEST_DOMAIN = 260
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.IGNORECASE)
_IPV4_HINT = re.compile(r"\d\.\d{1,3}\.\d")
_IPV6_HINT = re.compile(r":[0-9a-f]{0,4}:", re.IGNORECASE)
_FEWEST_OF_PHONES = 6
_PHONE = re.compile(
    r"(?<![\w.,/+-])(?:\+|00)?\(?\d[\d ()./\u2010-\u2013-]{5,22}\d(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w-]|[.,]\d)"
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
    r"\b(?:zip(?: ?code)?|post(?:al)? ?code)(?:\s+is)?:?\s{1,9}([A-Z0-9]{2,8}(?:[ -][A-Z0-9]{2,4})?)(?!\w)",
    re.IGNORECASE,
)
_LICENSE = re.compile(
    r"\bdriv(?:er|ing)['\u2019]?s? licen[cs]e(?: (?:number|no\.?|is|#)){0,3}:?\s{1,9}([A-Z]{0,2}\d[\d -]{4,18}\d)(?!\w)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"(?:" + "|".join(sorted(map(re.escape, COUNTRIES), key=len, reverse=True)) + r")\b")
_PLACES = frozenset(name.split()[0] for name in COUNTRIES)
"""The words that names of states begin with."""
_WORD = re.compile(r"(?<![^\W_])[A-Za-z]{2,14}(?![^\W_])")
_PEOPLE = frozenset(form for name in NATIONS for form in (name.lower(), f"{name.lower()}s"))
_NEAR = 40


class _Form(NamedTuple):
    kind: str
    pattern: re.Pattern[str]
    score: float


_WITH_DIGITS = (
    _Form("AGE", _AGE, 0.9),
    _Form("ZIP_CODE", _ZIP, 0.9),
    _Form("US_DRIVER_LICENSE", _LICENSE, 0.9),
)


def forms(text: str) -> Iterator[Finding]:
    """Not in order, and possibly over one another."""
    if "@" in text:
        yield from (Finding("EMAIL_ADDRESS", *match.span(), 0.99) for match in _EMAIL.finditer(text))
    yield from (Finding("TITLE", *match.span(), 0.9) for match in _ADDRESSED.finditer(text))
    yield from _addresses(text)
    yield from _words(text)
    for start, end, digits in regions(text):
        for kind, pattern, score in _WITH_DIGITS:
            for match in pattern.finditer(text, start, end):
                yield Finding(kind, *match.span(match.lastindex or 0), score)
        for match in _DATE.finditer(text, start, end):
            born = _BIRTH.search(text, max(0, match.start() - _NEAR), match.start())
            yield Finding("DATE_TIME", match.start(), match.end(), 0.95 if born else 0.8)
        if digits >= _FEWEST_OF_PHONES:
            yield from _phones(text, start, end)


def _addresses(text: str) -> Iterator[Finding]:
    """On the net."""
    if "://" in text or "www." in text.lower():
        for match in _URL.finditer(text):
            address = match[0].rstrip(".,;:!?)]*_")
            yield Finding(_url_kind(address), match.start(), match.start() + len(address), 0.99)
    for top in _TOP_DOMAIN.finditer(text):
        begin, least = top.start(), max(0, top.start() - _LONGEST_DOMAIN)
        while begin > least and (text[begin - 1].isalnum() or text[begin - 1] in "-."):
            begin -= 1
        if name := _DOMAIN.search(text, begin, top.end()):
            yield Finding("DOMAIN_NAME", *name.span(), 0.7)
    for hint, pattern in ((_IPV4_HINT, _IPV4), (_IPV6_HINT, _IPV6)):
        if hint.search(text):
            for match in pattern.finditer(text):
                if _is_address(match[0]):
                    yield Finding("IP_ADDRESS", match.start(), match.end(), 0.97)


def _words(text: str) -> Iterator[Finding]:
    """States and their people."""
    for match in _WORD.finditer(text):
        word = match[0]
        if word in _PLACES and (place := _PLACE.match(text, match.start())):
            yield Finding("GPE", *place.span(), 0.6)
        if word.lower() in _PEOPLE:
            yield Finding("NRP", *match.span(), 0.6)


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


def _phones(text: str, start: int, end: int) -> Iterator[Finding]:
    for match in _PHONE.finditer(text, start, end):
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
