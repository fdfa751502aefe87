"""YAML that remembers where it was written, so that an error names ``FILE:LINE`` and the nearest valid name.

Plain words mean what they do in YAML 1.2: only ``true`` and ``false`` are booleans, there are no dates and no base-60
numbers. Aliases are refused: they hide what a file grants, and let a short file grow without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any

import yaml

from aver.core.errors import SettingsError

__all__ = ["YamlValue", "know_scalars", "nearest", "parse_yaml"]

_ALIAS = "an alias"


class _Loader(yaml.SafeLoader):
    """Reads the document's nodes, with the scalars of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema)."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute, filled below

    shares = False
    """Whether aliases are followed."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        upcoming: Any = self.peek_event()  # type: ignore[no-untyped-call]
        tag = getattr(upcoming, "tag", None)
        problem = f"the tag {tag!r} is not supported" if tag is not None else ""
        if isinstance(upcoming, yaml.AliasEvent) and not self.shares:
            problem = _ALIAS
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=self.get_mark())
        return super().compose_node(parent, index)


_SCALARS = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]{1,18}", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
)


def know_scalars(kind: type[yaml.SafeLoader | yaml.SafeDumper]) -> None:
    """Let a loader of PyYAML take plain words for what :class:`YamlValue` does, or a dumper quote what is text all the same."""
    for tag, pattern, first in _SCALARS:
        # PyYAML looks resolvers up by the first character; the empty string is the first "character" of an empty scalar.
        characters = [*first, ""] if tag == "null" else list(first)
        kind.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), characters)


know_scalars(_Loader)


def nearest(word: str, valid: Iterable[str]) -> str:
    """What to write instead of ``word``: the most similar valid name, or all of them when none is similar."""
    names = sorted(valid)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Valid: {', '.join(names)}."


@dataclass(frozen=True, slots=True)
class YamlValue:
    """One value of a document, at its place. Each reader raises :class:`SettingsError` on a value of another type."""

    name: str
    """What the document is called in errors: its path, as a rule."""
    node: yaml.Node

    @property
    def line(self) -> int:
        """Counted from 1."""
        return _line(self.node)

    @property
    def is_null(self) -> bool:
        """Nothing was written here."""
        return self._tag == "null"

    @property
    def _tag(self) -> str:
        return self.node.tag.removeprefix("tag:yaml.org,2002:")

    def error(self, cause: str, next_step: str) -> SettingsError:
        """An error at this value."""
        return SettingsError(f"{self.name}:{self.line}: {cause}", next_step)

    def fields(self, allowed: Iterable[str], required: Iterable[str] = ()) -> dict[str, YamlValue]:
        """The values of a mapping by key. No key outside ``allowed`` and none of ``required`` missing."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self._expected("a mapping of names to values")
        allowed = tuple(allowed)
        found: dict[str, YamlValue] = {}
        for key, value in self.node.value:
            place = YamlValue(self.name, key)
            word = place.text()
            if word not in allowed:
                raise place.error(f"{word!r} is not known here", nearest(word, allowed))
            found[word] = YamlValue(self.name, value)
        for word in required:
            if word not in found:
                raise self.error(f"{word!r} is missing", f"Add it: {word}: ...")
        return found

    def items(self) -> list[YamlValue]:
        """The values of a list, in order."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self._expected("a list")
        return [YamlValue(self.name, item) for item in self.node.value]

    def text(self) -> str:
        """The scalar as it was written: ``2024`` and ``true`` are text too where text is wanted."""
        if not isinstance(self.node, yaml.ScalarNode) or self.is_null:
            raise self._expected("text")
        return str(self.node.value)

    def integer(self) -> int:
        if self._tag != "int":
            raise self._expected("a whole number")
        return int(self.node.value)

    def number(self) -> float:
        if self._tag not in ("int", "float"):
            raise self._expected("a number")
        number = float(self.node.value)
        if not isfinite(number):
            raise self._expected("a number that fits")
        return number

    def boolean(self) -> bool:
        if self._tag != "bool":
            raise self._expected("true or false")
        return str(self.node.value).lower() == "true"

    def plain(self) -> Any:
        """The value as dictionaries, lists, text, numbers, booleans and ``None``."""
        if isinstance(self.node, yaml.MappingNode):
            return {key.value: YamlValue(self.name, value).plain() for key, value in self.node.value}
        if isinstance(self.node, yaml.SequenceNode):
            return [item.plain() for item in self.items()]
        readers = {"null": lambda: None, "bool": self.boolean, "int": self.integer, "float": self.number}
        return readers.get(self._tag, self.text)()

    def _expected(self, what: str) -> SettingsError:
        kinds = {"map": "a mapping", "seq": "a list", "null": "nothing"}
        found = kinds.get(self._tag) or repr(str(self.node.value)[:60])
        return self.error(f"expected {what}, found {found}", "Correct this line.")


def parse_yaml(text: str, name: str, *, shares: bool = False) -> YamlValue:
    """The one document in ``text``, called ``name`` in errors. An empty text is a null value at line 1. ``shares`` allows what other
    programs' files may hold: aliases, and ``<<`` with what a mapping begins with.

    Raises :class:`SettingsError` on a syntax error, an alias, a tag, a key that is not text, or a key given twice.
    """
    text = text.removeprefix("\N{BYTE ORDER MARK}")
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        loader.shares = shares
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SettingsError(
            f"{name}:{line}: character U+{ord(text[error.position]):04X} is not allowed in YAML",
            "Remove it, or save the file as plain UTF-8 text.",
        ) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, name) from None
    except RecursionError:
        raise SettingsError(f"{name}:1: the document is nested too deeply", "Write it flatter.") from None
    finally:
        if loader is not None:
            loader.dispose()
    if root is None:
        start = yaml.Mark(name, 0, 0, 0, None, 0)
        root = yaml.ScalarNode("tag:yaml.org,2002:null", "", start, start)
    _check(root, name)
    if shares:
        _merge(root, name)
    return YamlValue(name, root)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _check(root: yaml.Node, name: str) -> None:
    """Refuse keys that are not text and keys given twice, anywhere in the document."""
    pending, known = [root], set[int]()
    while pending:
        node = pending.pop()
        if id(node) in known:  # an alias
            continue
        known.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, _value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise SettingsError(
                        f"{name}:{_line(key)}: a key must be text", "Write a plain name before the colon."
                    )
                if key.value in seen:
                    raise SettingsError(
                        f"{name}:{_line(key)}: {key.value!r} is given twice, first on line {seen[key.value]}",
                        "Keep one of the two.",
                    )
                seen[key.value] = _line(key)
            pending += [value for _key, value in reversed(node.value)]


def _merge(root: yaml.Node, name: str) -> None:
    """Put what stands behind ``<<`` into the mappings it stands in; what a mapping says itself goes first
    (https://yaml.org/type/merge.html)."""
    done: set[int] = set()
    within: set[int] = set()

    def visit(node: yaml.Node) -> None:
        if id(node) in done or isinstance(node, yaml.ScalarNode):
            return
        if id(node) in within:
            raise SettingsError(f"{name}:{_line(node)}: an alias stands for what it is a part of", "Write it out.")
        within.add(id(node))
        for below in node.value if isinstance(node, yaml.SequenceNode) else [value for _key, value in node.value]:
            visit(below)
        if isinstance(node, yaml.MappingNode):
            node.value = _with_merged(node)
        within.discard(id(node))
        done.add(id(node))

    visit(root)


def _with_merged(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    own = [(key, value) for key, value in node.value if key.value != "<<"]
    taken = {key.value for key, _ in own}
    for key, value in node.value:
        if key.value == "<<":
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                for inner, each in source.value if isinstance(source, yaml.MappingNode) else ():
                    if inner.value not in taken:
                        taken.add(inner.value)
                        own.append((inner, each))
    return own


def _syntax_error(error: yaml.MarkedYAMLError, text: str, name: str) -> SettingsError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 1
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    undefined = (error.problem or "").startswith("found undefined alias")
    if error.problem == _ALIAS or undefined or error.context == "while scanning an alias":
        # A glob such as *.md is what people mean by a leading asterisk; to YAML it is the name of an alias.
        why = "and aliases are not supported" if error.problem == _ALIAS else "and this one stands for nothing"
        return SettingsError(
            f"{name}:{line}: a value that begins with '*' is an alias to YAML, {why}", 'Put it in quotes, as in "*.md".'
        )
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return SettingsError(f"{name}:{line}: the line is indented with a tab", "Indent with spaces.")
    reason = error.problem or error.context or "it cannot be read"
    if reason.startswith("but found"):  # PyYAML says the first half of the sentence in the context
        reason = f"{error.context}, {reason}"
    return SettingsError(f"{name}:{line}: not valid YAML: {reason}", "Correct this line.")
