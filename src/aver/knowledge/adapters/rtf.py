"""Rich text (RTF 1.9): paragraphs, lists and tables, without what lays them out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.draft import Draft

__all__ = ["read"]

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-zA-Z])"
    rb"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)
_SKIPPED = frozenset(
    b"""fonttbl colortbl stylesheet info pict object header headerl headerr headerf footer footerl footerr footerf
    listtable listoverridetable rsidtbl generator themedata colorschememapping latentstyles datastore xmlnstbl mmathPr
    fldinst bkmkstart bkmkend annotation atnid atnauthor objdata nonshppict filetbl revtbl private1 htmltag template
    """.split()
)
_CHARACTERS = {
    b"tab": " ",
    b"line": "\n",
    b"emdash": "\N{EM DASH}",
    b"endash": "\N{EN DASH}",
    b"lquote": "\N{LEFT SINGLE QUOTATION MARK}",
    b"rquote": "\N{RIGHT SINGLE QUOTATION MARK}",
    b"ldblquote": "\N{LEFT DOUBLE QUOTATION MARK}",
    b"rdblquote": "\N{RIGHT DOUBLE QUOTATION MARK}",
    b"bullet": "\N{BULLET}",
    b"emspace": " ",
    b"enspace": " ",
}
_SYMBOLS = {b"~": " ", b"_": "-"}
_DEEPEST = 500
_LIST_MARK = re.compile(r"\s*(?P<marker>[•·▪◦‣-]|\(?(?:\d{1,4}|[a-zA-Z])[.)])\s+(?P<text>\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _State:
    """What a group sets and its end restores."""

    is_skipped: bool = False
    is_hidden: bool = False
    after_unicode: int = 1
    """How many characters after a ``\\u`` stand in for it in old programs."""


def read(data: bytes) -> Draft:
    if not data.lstrip().startswith(b"{\\rtf"):
        raise InvalidInput("The file holds no rich text", "Save it again as RTF.")
    draft = Draft()
    _Reader(draft).read(data)
    return draft


class _Reader:
    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._states = [_State()]
        self._text: list[str] = []
        self._bytes = bytearray()
        self._encoding = "cp1252"
        self._pending = 0
        self._cells: list[str] = []
        self._in_table = False
        self._level = 0

    def read(self, data: bytes) -> None:
        for token in _TOKEN.finditer(data):
            self._token(token)
        self._end_paragraph()

    def _token(self, token: re.Match[bytes]) -> None:
        state = self._states[-1]
        if token["brace"] == b"{":
            if len(self._states) > _DEEPEST:
                raise TooLarge("The document is nested too deeply", "Save it again.")
            self._states.append(state)
        elif token["brace"]:
            if len(self._states) > 1:
                self._states.pop()
        elif token["word"]:
            self._word(token["word"], int(token["number"]) if token["number"] else None)
        elif token["symbol"] == b"*":
            self._states[-1] = replace(state, is_skipped=True)
        elif state.is_skipped or state.is_hidden:
            return
        elif token["hex"]:
            self._byte(int(token["hex"], 16))
        elif token["symbol"]:
            self._write(
                _SYMBOLS.get(token["symbol"], token["symbol"].decode("latin-1") if token["symbol"] in b"\\{}" else "")
            )
        else:
            for byte in token["text"] or b"":
                self._byte(byte)

    def _word(self, word: bytes, number: int | None) -> None:
        state = self._states[-1]
        if word in _SKIPPED:
            self._states[-1] = replace(state, is_skipped=True)
        elif word == b"v":
            self._states[-1] = replace(state, is_hidden=number != 0)
        elif word == b"uc":
            self._states[-1] = replace(state, after_unicode=max(number or 0, 0))
        elif word == b"ansicpg" and number:
            self._encoding = "utf-8" if number == 65001 else f"cp{number}"
        elif word == b"mac":
            self._encoding = "mac-roman"
        elif state.is_skipped or state.is_hidden:
            return
        elif word == b"u" and number is not None:
            self._write(chr(number % 65_536))
            self._pending = state.after_unicode
        elif word in _CHARACTERS:
            self._write(_CHARACTERS[word])
        else:
            self._structure(word, number)

    def _structure(self, word: bytes, number: int | None) -> None:
        if word == b"par":
            if self._in_table:
                self._write(" ")
            else:
                self._end_paragraph()
        elif word in (b"sect", b"page"):
            self._end_paragraph()
        elif word == b"intbl":
            self._in_table = True
        elif word == b"pard":
            self._in_table = False
            self._level = 0
        elif word == b"outlinelevel" and number is not None and 0 <= number < 9:
            self._level = number + 1
        elif word in (b"cell", b"nestcell"):
            self._cells.append(self._taken())
        elif word in (b"row", b"nestrow"):
            self._draft.row(self._cells)
            self._cells = []
            self._text.clear()

    def _end_paragraph(self) -> None:
        text = self._taken().strip()
        if self._cells:
            self._draft.row(self._cells)
            self._cells = []
        if not text:
            self._draft.gap()
        elif self._level:
            self._draft.heading(text, self._level)
        elif item := _LIST_MARK.match(text):
            marker = item["marker"]
            self._draft.item(item["text"], marker=marker if marker[-1] in ".)" else "-")
        else:
            self._draft.paragraph(text)

    def _taken(self) -> str:
        self._flush()
        text = "".join(self._text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        self._text.clear()
        return text

    def _write(self, text: str) -> None:
        self._flush()
        self._text.append(text)

    def _byte(self, byte: int) -> None:
        if self._pending:
            self._pending -= 1
        else:
            self._bytes.append(byte)

    def _flush(self) -> None:
        """Bytes become characters together: in some encodings a character takes two."""
        if self._bytes:
            try:
                self._text.append(self._bytes.decode(self._encoding, "replace"))
            except LookupError:
                self._text.append(self._bytes.decode("cp1252", "replace"))
            self._bytes.clear()
