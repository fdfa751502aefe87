"""Numbers that identify someone and carry a check of their own, by python-stdnum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from aver.guard.personal.digits import regions
from aver.guard.types import Finding

__all__ = ["CHECKED", "numbers"]

_NEAR = 60
"""Characters before a number in which a word may say what it is."""


class _Number(NamedTuple):
    """``module`` of ``stdnum`` checks what ``pattern`` finds. With ``words``, one of them has to stand before it: one number in ten or eleven
    passes such a check by chance. ``hints`` are texts in small letters, one of which is in all those words."""

    kind: str
    pattern: re.Pattern[str]
    module: str
    words: re.Pattern[str] | None = None
    hints: tuple[str, ...] = ()


def _number(kind: str, pattern: str, module: str, words: str = "") -> _Number:
    bounded = rf"(?<![\w.+-]){pattern}(?![\w-])"
    spoken = re.compile(rf"(?<!\w)(?:{words})", re.IGNORECASE) if words else None
    hints = tuple(words.replace(r"\b", "").split("|")) if words else ()
    return _Number(kind, re.compile(bounded, re.IGNORECASE), module, spoken, hints)


CHECKED = (
    _number("IBAN_CODE", r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", "iban"),
    _number("US_SSN", r"\d{3}-\d{2}-\d{4}", "us.ssn"),
    _number("US_SSN", r"\d{3} ?\d{2} ?\d{4}", "us.ssn", "ssn|social security"),
    _number("US_ITIN", r"9\d{2}-?\d{2}-?\d{4}", "us.itin", "itin|taxpayer"),
    _number("UK_NHS", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs", "nhs"),
    _number(
        "DE_TAX_ID", r"\d{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}", "de.idnr", r"steuer|tax|idnr|tin\b|identifikationsnummer"
    ),
    _number("FR_NIR", r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", "fr.nir"),
    _number("ES_NIF", r"(?:\d{8}|[XYZ]\d{7})-?[A-Z]", "es.nif"),
    _number("IT_FISCAL_CODE", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", "it.codicefiscale"),
    _number("NL_BSN", r"\d{4}[. ]?\d{2}[. ]?\d{3}", "nl.bsn", "bsn|burgerservice|sofi"),
    _number("PL_PESEL", r"\d{11}", "pl.pesel", "pesel"),
    _number("SE_PERSONNUMMER", r"(?:\d{2})?\d{6}[-+]\d{4}", "se.personnummer"),
    _number("FI_HETU", r"\d{6}[-+A]\d{3}[0-9A-Y]", "fi.hetu"),
    _number("BE_NN", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", "be.nn"),
    _number("PT_NIF", r"\d{3}[ ]?\d{3}[ ]?\d{3}", "pt.nif", r"nif\b|contribuinte"),
    _number("BR_CPF", r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf"),
    _number("BR_CPF", r"\d{11}", "br.cpf", r"cpf\b"),
    _number("IN_AADHAAR", r"\d{4}[ -]?\d{4}[ -]?\d{4}", "in_.aadhaar", "aadhaar|aadhar|uidai"),
    _number("CA_SIN", r"\d{3}[ -]?\d{3}[ -]?\d{3}", "ca.sin", r"sin\b|social insurance"),
    _number("AU_TFN", r"\d{3} ?\d{3} ?\d{3}", "au.tfn", r"tfn\b|tax file"),
    _number("CH_SSN", r"756\.\d{4}\.\d{4}\.\d{2}", "ch.ssn"),
)
"""Numbers with a check of their own, but for those of payment cards."""
_FEWEST = 7
"""Digits of any of them."""
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ .\u2010-\u2015-]?\d){11,18}(?![\w-]|\.\d)")
_FEWEST_OF_CARDS = 12
_SAYS_CARD = re.compile(r"\b(?:card|visa|mastercard|amex|maestro|credit|debit|cc)\b", re.IGNORECASE)
_ISSUED = re.compile(r"3[04-9]|4|5[0-8]|6|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|1800|2131")
"""How numbers of payment cards begin: ISO/IEC 7812-1, and the networks' own lists."""


def numbers(text: str) -> Iterator[Finding]:
    """Not in order, and possibly over one another."""
    lower = ""
    for start, end, digits in regions(text):
        if digits < _FEWEST:
            continue
        lower = lower or text.lower()
        for each in CHECKED:
            if each.hints and not any(hint in lower for hint in each.hints):
                continue
            for match in each.pattern.finditer(text, start, end):
                said = each.words is None or each.words.search(text, max(0, match.start() - _NEAR), match.start())
                number = match[0].replace(".", "") if each.kind == "NL_BSN" else match[0]
                if said and _stdnum(each.module).is_valid(number):
                    yield Finding(each.kind, match.start(), match.end(), 0.98)
        if digits >= _FEWEST_OF_CARDS:
            yield from _cards(text, start, end)


def _cards(text: str, start: int, end: int) -> Iterator[Finding]:
    for match in _CARD.finditer(text, start, end):
        groups = re.split(r"\D", match[0])
        digits = "".join(groups)
        said = _SAYS_CARD.search(text, max(0, match.start() - _NEAR), match.start())
        issued = len(digits) >= 13 and _ISSUED.match(digits) and _as_printed([*map(len, groups)])
        if (said or issued) and _stdnum("luhn").is_valid(digits):
            yield Finding("CREDIT_CARD", match.start(), match.end(), 0.99 if said else 0.95)


def _as_printed(groups: list[int]) -> bool:
    """Whether digits stand together as on a card: in one group, in fours, or as American Express and Diners Club have them."""
    return len(groups) == 1 or groups[:3] == [4, 4, 4] or groups in ([4, 6, 5], [4, 6, 4])


@cache
def _stdnum(module: str) -> Any:
    return import_module(f"stdnum.{module}")
