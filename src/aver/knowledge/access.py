"""Access lists: which readers a source's documents have, by path.

::

    - match: "**"                       # everything
      readers: [everyone]
    - match: hr/**                      # the folder hr and all below it
      readers: [group:hr, user:ada]
    - match: "*.draft.md"               # these names, in any folder
      readers: []

The last rule that matches a path decides alone; a path that no rule matches has no readers. Paths are relative to the source's root and
written with ``/``. In a pattern ``*`` stands for any characters within a name, ``?`` for one such character, and ``**`` for any number of
folders; every other character stands for itself, in the case it is written. A pattern without ``/`` matches names in any folder; one
with ``/`` starts at the root. A pattern that names a folder, as ``hr``, ``hr/`` or ``teams/*/private/`` do, covers
everything in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aver.core import canonical_json
from aver.core.errors import InvalidInput, NotFound, SettingsError
from aver.core.principal import EVERYONE, check_reader
from aver.core.yaml import YamlValue, parse_yaml

__all__ = ["AccessList", "AccessRule", "matching", "read_glob"]

_EXAMPLE = 'Write rules such as: - {match: "hr/**", readers: [group:hr]}'
_LARGEST = 4 * 2**20
_WILDCARD = re.compile(r"\*\*/|\*\*|\*|\?")
_EXPRESSIONS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True)
class AccessRule:
    match: str
    readers: tuple[str, ...]
    """Sorted, each once; empty for nobody."""


@dataclass(frozen=True)
class AccessList:
    """Ordered rules, of which the last match decides."""

    rules: tuple[AccessRule, ...]

    @classmethod
    def everyone(cls) -> AccessList:
        """Every user of the tenant may read everything: how a source begins that is given no access list."""
        return cls((AccessRule("**", (EVERYONE,)),))

    @classmethod
    def load(cls, path: Path) -> AccessList:
        """Read the file at ``path``; raises :class:`NotFound` or :class:`SettingsError`."""
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST + 1)
        except FileNotFoundError:
            raise NotFound(f"There is no access list at {path}", "Check the path.") from None
        except OSError as error:
            raise InvalidInput(
                f"The access list {path} cannot be read: {error.strerror}", "Check the path and its permissions."
            ) from None
        if len(data) > _LARGEST:
            raise SettingsError(f"{path}: larger than {_LARGEST // 2**20} MB", "Use patterns for whole folders.")
        try:
            return cls.parse(data.decode(), str(path))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SettingsError(f"{path}:{line}: not UTF-8 text", "Save the file as UTF-8.") from None

    @classmethod
    def parse(cls, text: str, name: str) -> AccessList:
        """The rules in ``text``, called ``name`` in errors; raises :class:`SettingsError`."""
        return cls.read(parse_yaml(text, name))

    @classmethod
    def read(cls, value: YamlValue) -> AccessList:
        """The rules at this place of a document; raises :class:`SettingsError`."""
        if value.is_null:
            raise value.error("the access list is empty, so nobody could read anything", _EXAMPLE)
        return cls(tuple(_rule(each) for each in value.items()))

    @classmethod
    def from_json(cls, text: str) -> AccessList:
        """What :meth:`to_json` wrote."""
        return cls(tuple(AccessRule(match, tuple(readers)) for match, readers in json.loads(text)))

    def to_json(self) -> str:
        """The rules as they are stored with a source."""
        return canonical_json([[rule.match, list(rule.readers)] for rule in self.rules]).decode()

    def readers(self, path: str) -> tuple[str, ...]:
        """Who may read the document at ``path``: reader tokens, sorted, each once; empty for nobody."""
        found = self._pattern.fullmatch(path)
        return self._reversed[found.lastindex - 1].readers if found and found.lastindex else ()

    @cached_property
    def _reversed(self) -> tuple[AccessRule, ...]:
        return self.rules[::-1]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """One alternative a rule, the last rule first, so that the first alternative to match decides."""
        return re.compile("|".join(f"({_expression(rule.match)})" for rule in self._reversed) or "(?!)", re.DOTALL)


def _rule(value: YamlValue) -> AccessRule:
    fields = value.fields(("match", "readers"), required=("match", "readers"))
    match = read_glob(fields["match"])
    return AccessRule(match, tuple(sorted({_reader(reader) for reader in fields["readers"].items()})))


def read_glob(value: YamlValue) -> str:
    """The pattern at this place of a document; raises :class:`SettingsError` for one that no path matches."""
    glob = value.text()
    if not glob.strip("/ "):
        raise value.error("the pattern matches nothing", 'Write a glob such as "hr/**", or "**" for everything.')
    if glob.startswith(("./", "../")) or "/../" in glob or "\\" in glob:
        raise value.error(f"no path looks like {glob!r}", "Write the path relative to the source's root, with '/'.")
    return glob


def matching(globs: Iterable[str]) -> re.Pattern[str]:
    """What the whole of a path has to match for one of ``globs`` to match it."""
    return re.compile("|".join(f"(?:{_expression(glob)})" for glob in globs) or "(?!)", re.DOTALL)


def _reader(value: YamlValue) -> str:
    try:
        return check_reader(value.text())
    except SettingsError:
        raise
    except InvalidInput as error:
        raise value.error(error.cause, error.next_step) from None


def _expression(glob: str) -> str:
    """The regular expression, without groups, of the paths that ``glob`` matches."""
    anchored = "/" in glob.rstrip("/")
    names_folder = glob.endswith("/")
    glob = glob.strip("/")
    pieces: list[str] = []
    end = 0
    for wildcard in _WILDCARD.finditer(glob):
        pieces += [re.escape(glob[end : wildcard.start()]), _EXPRESSIONS[wildcard[0]]]
        end = wildcard.end()
    pieces.append(re.escape(glob[end:]))
    below = "/.+" if names_folder else "" if _WILDCARD.search(glob.rpartition("/")[2]) else "(?:/.+)?"
    return ("" if anchored else "(?:[^/]+/)*") + "".join(pieces) + below
