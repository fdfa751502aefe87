"""What one turn has read so far, for checks that compare a text with it: an address that spells out what a tool returned is found by
nobody who does not know what that was."""

from __future__ import annotations

from collections.abc import Callable

from aver.guard.canary import canary, planted
from aver.guard.types import Place

__all__ = ["Context"]


class Context:
    """Of one turn: ``instructions`` is the system prompt that its model is given. The canary is the same as long as they and ``secret`` are, so
    that what is cached of a prompt by its beginning stays of use; without a secret it is random. Whoever runs the turn says what was
    :meth:`heard`, and gives the model the prompt as :meth:`planted`."""

    def __init__(self, instructions: str = "", secret: Callable[[], bytes] = bytes) -> None:
        self.instructions = instructions
        self.texts: list[tuple[Place, str]] = []
        """In order, each with where it stood; it only grows."""
        self._secret = secret
        self._token = ""

    def heard(self, text: str, place: Place) -> None:
        """The model is given ``text``, or, where its place is ``arguments``, wrote it."""
        if text:
            self.texts.append((place, text))

    def canary(self) -> str:
        """The token that no answer may have. Asking for it is looking for it: from then on :meth:`planted` plants it."""
        self._token = self._token or canary(self._secret(), self.instructions)
        return self._token

    def planted(self, prompt: str) -> str:
        """``prompt`` with the canary in it, where a check looks for one."""
        return planted(prompt, self._token) if self._token else prompt
