"""Texts made comparable."""

from __future__ import annotations

import re
import string

__all__ = ["squad", "words"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WORD = re.compile(r"[^\W_]+")


def squad(text: str) -> str:
    """Lower case, without punctuation, articles and extra white space: as the evaluation of SQuAD compares answers (Rajpurkar et al.,
    "SQuAD: 100,000+ Questions for Machine Comprehension of Text", 2016)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def words(text: str) -> list[str]:
    """Letters and digits in lower case, of any script, as ROUGE reads them but unstemmed."""
    return _WORD.findall(text.lower())
