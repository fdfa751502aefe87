"""What a conversation held, so that it is recognised in an address, and which addresses stood in it anyway."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from threading import Lock

from aver.guard.context import Context
from aver.guard.links import Link, links

__all__ = ["Memory"]

_SHINGLE = 12
"""Letters and digits in a row that a link shares with the conversation, at which that is no chance."""
_WORTH = 6
"""Characters of a word with a digit in it from which on it is worth stealing."""
_DEEPEST = 50
"""Parts of a path of which the beginnings are known too."""
_OWN = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|[\w-]*\d[\w-]*")
_DATE = re.compile(r"(?:19|20)\d\d-?\d\d-?\d\d")


class Memory:
    """Of ``conversation``, whose words must not leave, of ``sources``, whose links are known, and of ``context``, which is both and may grow: it is
    read when it is first asked about. Of a link that first stood in the arguments of a call, what the call returned makes no known one: an
    echo would have it carry anything."""

    def __init__(
        self, conversation: Iterable[str] = (), sources: Iterable[str] = (), context: Context | None = None
    ) -> None:
        self._context = context or Context()
        self._read = 0
        self._shingles: set[str] = set()
        self._distinctive: dict[str, list[str]] = {}
        """By how they begin."""
        self._known: set[tuple[str, str]] = set()
        self._written: set[tuple[str, str]] = set()
        self._conversation = tuple(conversation)
        self._lock = Lock()
        for text in (*sources, self._context.instructions):
            self._know(text)

    def knows(self, link: Link) -> bool:
        """Whether it carries nothing that did not stand in a link before: it is one letter for letter, or the beginning of its path."""
        self._catch_up()
        return (link.host, link.rest.rstrip("/")) in self._known

    def says(self, form: str) -> bool:
        """Whether ``form`` repeats anything of the conversation: twelve letters or digits in a row, an address, a word with a digit in it."""
        self._catch_up()
        if not self._shingles and not self._distinctive:
            return False
        lower = form.lower()
        if any(
            lower.startswith(each, at)
            for at in range(len(lower))
            for each in self._distinctive.get(lower[at : at + _WORTH], ())
        ):
            return True
        squeezed = _squeezed(form)
        return any(squeezed[at : at + _SHINGLE] in self._shingles for at in range(len(squeezed) - _SHINGLE + 1))

    def _catch_up(self) -> None:
        with self._lock:
            for text in self._conversation:
                self._remember(text)
            self._conversation = ()
            for place, text in self._context.texts[self._read :]:
                if place == "arguments":
                    self._written.update((link.host, link.rest.rstrip("/")) for link in links(text))
                else:
                    self._remember(text)
                    self._know(text)
                self._read += 1

    def _remember(self, text: str) -> None:
        squeezed = _squeezed(text)
        self._shingles.update(squeezed[at : at + _SHINGLE] for at in range(len(squeezed) - _SHINGLE + 1))
        for word in set(_distinctive(text)):
            self._distinctive.setdefault(word[:_WORTH], []).append(word)

    def _know(self, text: str) -> None:
        for link in links(text):
            rest = link.rest.rstrip("/")
            if (link.host, rest) in self._written:
                continue
            self._known |= {(link.host, rest), (link.host, "")}
            path = re.split("[?#]", rest, maxsplit=1)[0]
            for _ in range(_DEEPEST):
                self._known.add((link.host, path))
                path = path.rpartition("/")[0]
                if not path:
                    break


def _squeezed(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _distinctive(text: str) -> Iterator[str]:
    """What needs no context to be worth stealing: addresses, and words with a digit in them."""
    for word in _OWN.findall(text.lower()):
        if len(word) >= _WORTH and not _DATE.fullmatch(word):
            yield word
