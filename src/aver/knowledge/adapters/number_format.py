"""Numbers and dates of spreadsheets as people read them (the format codes of ECMA-376 part 1, 18.8.31).

Dates are written as ISO 8601 writes them, so that one text means one day. A minus sign marks what is negative, whether the
format uses one, brackets or a colour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache

__all__ = ["BUILT_IN", "general", "shown"]

BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;-#,##0", 38: "#,##0;-#,##0", 39: "#,##0.00;-#,##0.00",
    40: "#,##0.00;-#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
"""The codes that files name by number alone."""

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|\[(?P<bracket>[^\]]*)\]|_.|\*.|(?P<exponent>[eE][+-])|(?P<other>.)',
    re.DOTALL,
)
_CURRENCY = re.compile(r"\$([^-]*)(?:-.*)?")
_ELAPSED = re.compile(r"(h+|m+|s+)", re.IGNORECASE)
_SHOWN_AS_IT_IS = "$€£¥₹()-+ %&"
_MOST_DIGITS = 30
_LAST_DAY = 2_958_465  # 9999-12-31
_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the up to four parts of a format code, taken apart."""

    code: str
    """Placeholders and separators alone."""
    prefix: str
    suffix: str
    elapsed: str
    """``h``, ``m`` or ``s`` for a time that counts on past a day."""


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """``value`` in the format ``code``. ``from_1904`` is the date system of old Macintosh files."""
    if not code:
        return general(value)
    sections = _sections(code[:1000])
    if sections[0].code.strip().lower() in ("general", "@", "standard") and not sections[0].prefix:
        return general(value)
    section = sections[0]
    if value < 0 and len(sections) > 1:
        section = sections[1]
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    if _is_date(section):
        return _date(value, section, from_1904=from_1904) or general(value)
    if "general" in section.code.lower():
        return f"{section.prefix}{general(value)}{section.suffix}"
    if not re.search(r"[0#?]", section.code):
        return (section.prefix + section.suffix).strip()
    return _number(value, section)


def general(value: float) -> str:
    """A number without a format, in at most the eleven digits that spreadsheets show; whole numbers in full."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.11g}"


@lru_cache(maxsize=1024)
def _sections(code: str) -> tuple[_Section, ...]:
    """The sections of ``code``, at least one."""
    found: list[_Section] = []
    placeholders, before, after, elapsed = "", "", "", ""
    for token in _TOKEN.finditer(code + ";"):
        other = token["exponent"] or token["other"] or ""
        if other == ";":
            found.append(_Section(placeholders, before, after, elapsed))
            placeholders, before, after, elapsed = "", "", "", ""
            continue
        bracket = token["bracket"] or ""
        if _ELAPSED.fullmatch(bracket):
            elapsed, other = bracket[0].lower(), bracket
        if other and other not in _SHOWN_AS_IT_IS:
            placeholders += other
            continue
        currency = _CURRENCY.match(bracket)
        literal = token["quoted"] or token["escaped"] or (currency[1] if currency else other)
        literal = literal if literal not in ("(", ")") else ""
        if re.search(r"[0#?]", placeholders):
            after += literal
        else:
            before += literal
    return tuple(found) or (_Section("", "", "", ""),)


def _is_date(section: _Section) -> bool:
    letters = section.code.lower().replace("general", "")
    return bool(section.elapsed or re.search(r"[ydhs]|mm|m(?=[^a-z]|$)", letters)) and not re.search(r"[#?]", letters)


def _date(value: float, section: _Section, *, from_1904: bool) -> str:
    """The date, the time of day or the time elapsed; empty for a number that is none."""
    letters = section.code.lower()
    if section.elapsed:
        return _elapsed(value, section)
    if from_1904:
        value += 1462
    if not 0 <= value < _LAST_DAY + 1:
        return ""
    has_time = bool(re.search(r"[hs]", letters))
    dated = re.sub(r"a/p|am/pm", "", letters)
    has_date = bool(re.search(r"[yd]", dated)) or not has_time
    days, seconds = divmod(round(value * _SECONDS), _SECONDS)
    # Day 60 is a 29 February 1900 that never was: the days before it are counted from one day later.
    moment = datetime(1899, 12, 31 if days < 60 else 30) + timedelta(days=days, seconds=seconds)  # noqa: DTZ001
    clock = moment.strftime("%H:%M:%S" if "s" in letters or moment.second else "%H:%M")
    if not has_date or days == 0:
        return clock
    if "d" not in dated and not has_time and "y" in dated:
        return f"{moment:%Y-%m}" if "m" in dated else f"{moment:%Y}"
    return f"{moment:%Y-%m-%d} {clock}" if has_time else f"{moment:%Y-%m-%d}"


def _elapsed(value: float, section: _Section) -> str:
    seconds = round(abs(value) * _SECONDS)
    sign = "-" if value < 0 else ""
    hours, rest = divmod(seconds, 3600)
    minutes, last = divmod(rest, 60)
    tail = f":{last:02}" if "s" in section.code.lower() else ""
    if section.elapsed == "h":
        return f"{sign}{hours}:{minutes:02}{tail}"
    return f"{sign}{seconds // 60}{tail}" if section.elapsed == "m" else f"{sign}{seconds}"


def _number(value: float, section: _Section) -> str:
    code = section.code
    if "/" in code:
        return general(value)
    whole, _, fraction = code.partition(".")
    percent = "%" in section.prefix + section.suffix
    with localcontext() as context:
        context.prec = 400
        number = abs(Decimal(repr(value))) * (100 if percent else 1)
        scale = re.search(r"[0#?](,+)[^0#?]*$", whole if not fraction else code)
        number = number / 1000 ** min(len(scale[1]), 5) if scale else number
        places = min(len(re.findall(r"[0#?]", re.split(r"[eE]", fraction)[0])), _MOST_DIGITS)
        if re.search(r"[eE][+-]", code):
            text = f"{number:.{places}E}"
        else:
            grouped = re.search(r"[0#?],[0#?]", whole) is not None
            text = f"{number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):{',' if grouped else ''}f}"
            wanted = len(re.findall("0", re.split(r"[eE]", fraction)[0]))
            text = _without_optional(text, places - wanted)
            digits = whole.count("0")
            if not grouped and digits > 1:
                integer, dot, rest = text.partition(".")
                text = integer.zfill(min(digits, _MOST_DIGITS)) + dot + rest
    negative = value < 0 and re.search(r"[1-9]", text) is not None
    prefix = section.prefix.replace("-", "").lstrip()
    return f"{'-' if negative else ''}{prefix}{text}{section.suffix}".strip()


def _without_optional(text: str, optional: int) -> str:
    """``text`` without the zeros at its end that a format with ``#`` there does not ask for."""
    for _ in range(optional):
        text = text.removesuffix("0") if "." in text else text
    return text.removesuffix(".")
