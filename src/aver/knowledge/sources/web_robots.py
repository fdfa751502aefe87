"""``robots.txt``: what a site lets a crawler ask for (RFC 9309, https://www.rfc-editor.org/rfc/rfc9309)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from aver.core.errors import Unavailable
from aver.knowledge.sources.http import Http
from aver.knowledge.sources.web_address import escaped

__all__ = ["AGENT", "Robots"]

AGENT = "Aver"
_LARGEST = 500 * 1024
"""Bytes that are read, as the RFC has it; rules after them are not known."""
_ALLOWING = tuple(range(400, 429)) + tuple(range(430, 500))
"""Statuses that mean there are no rules; 429 means to come again later."""


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules for this crawler, each a pattern and whether it allows; ``delay`` in seconds, 0 where none is asked for; addresses
    of ``sitemaps``."""

    rules: tuple[tuple[str, bool], ...] = ()
    delay: float = 0.0
    sitemaps: tuple[str, ...] = ()

    @classmethod
    def ask(cls, http: Http, site: str) -> Robots:
        """Those of ``site``. Raises :class:`~aver.core.errors.Unavailable` where they cannot be had: then nothing may be asked for."""
        place = f"{site}/robots.txt"
        try:
            reply = http.get(place, most=_LARGEST, also=_ALLOWING, cut=True)
        except Unavailable as error:
            raise Unavailable(
                f"{place} cannot be had, so nothing of {http.name} may be read: {error.cause}",
                error.next_step,
                retry_after=error.retry_after,
            ) from error
        return cls.parse(reply.body.decode("utf-8-sig", "replace")) if reply.status == 200 else cls()

    @classmethod
    def parse(cls, text: str, agent: str = AGENT) -> Robots:
        """The groups that name ``agent`` as one; else those for everyone. What is no rule is passed over."""
        ours: dict[str, list[tuple[str, bool]]] = {agent.lower(): [], "*": []}
        delays: dict[str, float] = {}
        sitemaps: list[str] = []
        named: set[str] = set()
        group: set[str] = set()
        begun = False
        for line in re.split(r"\r\n|\r|\n", text):
            key, colon, value = line.partition("#")[0].partition(":")
            key, value = key.strip().lower(), value.strip()
            if not colon:
                continue
            if key == "user-agent":
                group, begun = (set() if begun else group), False
                group.add(_product(value))
                named.add(_product(value))
            elif key == "sitemap":
                sitemaps.append(value)
            elif key in ("allow", "disallow", "crawl-delay"):
                begun = True
                for each in group & ours.keys():
                    if key == "crawl-delay":
                        delays[each] = _number(value)
                    elif value:
                        ours[each].append((_pattern(value), key == "allow"))
        chosen = agent.lower() if agent.lower() in named else "*"
        return cls(tuple(ours[chosen]), delays.get(chosen, 0.0), tuple(sitemaps))

    def allows(self, url: str) -> bool:
        """Whether the longest pattern that matches a normal ``url`` allows it; of two as long, the one that does."""
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if parts.path == "/robots.txt":
            return True
        found = [(len(pattern), allows) for pattern, allows in self.rules if _matches(pattern, path)]
        return max(found)[1] if found else True


def _product(value: str) -> str:
    """``Aver/1.0 (a crawler)`` is ``aver``."""
    found = re.match(r"\*|[A-Za-z_-]+", value)
    return found[0].lower() if found else ""


def _number(value: str) -> float:
    return float(value) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value, re.ASCII) else 0.0


def _pattern(value: str) -> str:
    """A rule's path, its escapes written as those of a normal address are."""
    return escaped(value if value.startswith(("/", "*")) else f"/{value}", "/?")


def _matches(pattern: str, path: str) -> bool:
    """In time linear in ``path`` for each piece between stars: each is looked for where the last one ended."""
    whole = pattern.endswith("$")
    first, *pieces = (pattern[:-1] if whole else pattern).split("*")
    if not path.startswith(first):
        return False
    if not pieces:
        return not whole or path == first
    *middle, last = pieces
    at = len(first)
    for piece in middle:
        at = path.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return path.endswith(last) and len(path) - len(last) >= at if whole else path.find(last, at) >= 0
