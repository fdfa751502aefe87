"""promptfoo's configurations, with their tests, and its tables of tests (https://www.promptfoo.dev/docs/configuration/reference/).

What an assertion says of a right answer becomes a label; the rest of them (code, models' judgements, thresholds) judges an output, which is a scorer's or
a rubric's work here: it is kept as metadata, and counted by its type as left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from aver.core.errors import InvalidInput
from aver.core.yaml import parse_yaml
from aver.evals.datasets.importing import Gathered, Imported
from aver.evals.datasets.rows import is_table, parse_json, read_rows, read_text

__all__ = ["read"]

_ASKING = ("question", "query", "input", "prompt", "message", "user_input")
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_REFERENCES = frozenset(
    ["equals", "factuality", "model-graded-factuality", "similar", "levenshtein", "bleu", "rouge-n", "meteor"]
)
"""Types whose value is a reference answer."""
_QUOTES = frozenset(["contains", "icontains", "contains-any", "icontains-any"])
"""Types whose value is one of what an answer holds."""
_MOST = 10_000
"""Tests that one test with lists of values may come to."""


def read(file: Path, columns: Mapping[str, str]) -> Imported:
    """The tests of a configuration, or of a table or list of tests. ``columns`` may say which variable is the ``question``."""
    gathered = Gathered()
    asking = columns.get("question", "")
    if file.suffix.lower() in (".yaml", ".yml"):
        root = parse_yaml(read_text(file), str(file), shares=True)
        whole = root.plain()
        config = whole if isinstance(whole, Mapping) else {"tests": whole}
        _configured(file, config, asking, gathered)
    else:
        for place, test in _listed(file):
            _add(place, test, {}, _Prompt(asking, ""), gathered)
    return gathered.imported(file)


class _Prompt:
    """How variables ask a question: by one that is named, by the one prompt there is, or by its usual name."""

    def __init__(self, asking: str, template: str) -> None:
        self._asking = asking
        self._template = template

    def question(self, place: str, variables: Mapping[str, Any], gathered: Gathered) -> str:
        if self._asking:
            if self._asking not in variables:
                raise InvalidInput(
                    f"{place}: there is no variable {self._asking!r}", "Name another: --column question=NAME."
                )
            return str(variables[self._asking])
        if self._template and set(_VARIABLE.findall(self._template)) <= variables.keys():
            gathered.note("the question is the prompt with its variables")
            return _VARIABLE.sub(lambda match: str(variables[match[1]]), self._template)
        for name in _ASKING:
            if isinstance(variables.get(name), str):
                gathered.note(f"the question is the variable {name!r}")
                return str(variables[name])
        gathered.note("nothing says which variable asks: cases have variables and no question (--column question=NAME)")
        return ""


def _configured(file: Path, config: Mapping[str, Any], asking: str, gathered: Gathered) -> None:
    prompts = config.get("prompts") or []
    prompts = [prompts] if isinstance(prompts, str) else prompts
    inline = [each for each in prompts if isinstance(each, str) and "{{" in each and not each.startswith("file:")]
    template = inline[0] if len(prompts) == len(inline) == 1 and "{%" not in inline[0] else ""
    for name in ("scenarios", "assertionTemplates", "nunjucksFilters"):
        if config.get(name):
            gathered.leave_out(f"{name} of the configuration")
    default = config.get("defaultTest") or {}
    if not isinstance(default, Mapping):
        gathered.leave_out("a default test in a file of its own")
        default = {}
    tests = config.get("tests") or []
    for number, test in enumerate([tests] if isinstance(tests, str | Mapping) else tests, 1):
        if isinstance(test, str):
            inner = file.parent / test.removeprefix("file://")
            for place, each in _listed(inner):
                _add(place, each, default, _Prompt(asking, template), gathered)
        else:
            _add(f"{file}: test {number}", test, default, _Prompt(asking, template), gathered)


def _listed(file: Path) -> Iterator[tuple[str, Any]]:
    for place, row in read_rows(file):
        yield place, _of_a_table(place, row) if is_table(file) else row


def _of_a_table(place: str, row: Mapping[str, str]) -> dict[str, Any]:
    """A row: variables, and columns that begin with two underscores."""
    found: dict[str, Any] = {"vars": {}, "assert": [], "metadata": {}}
    for name, cell in row.items():
        if re.fullmatch(r"__expected\d*", name):
            found["assert"].append(_assertion(place, cell))
        elif name.startswith("__metadata:"):
            key, listed = name.removeprefix("__metadata:").removesuffix("[]"), name.endswith("[]")
            found["metadata"][key] = [each.strip() for each in cell.split(",")] if listed else cell
        elif name == "__description":
            found["description"] = cell
        elif name.startswith("__"):
            found["options"] = {**found.get("options", {}), name: cell}
        else:
            found["vars"][name] = cell
    return found


def _assertion(place: str, cell: str) -> dict[str, Any]:
    """``type(threshold): value``; without a type the output is to equal the cell."""
    match = re.fullmatch(r"\s*((?:not-)?[a-z][a-z-]*)(?:\(([\d.]+)\))?\s*(?::\s*(.*))?", cell, re.DOTALL)
    if match is None or (match[3] is None and not match[1].startswith(("is-", "not-is-"))):
        return {"type": "equals", "value": cell}
    kind = {"eval": "javascript", "fn": "javascript", "grade": "llm-rubric"}.get(match[1], match[1])
    value: Any = match[3]
    if kind.endswith(("-any", "-all")) and value:
        value = [each.strip() for each in value.split(",")]
    if kind == "is-json" and value:
        value = parse_json(f"{place}: is-json", value)
    return {"type": kind, "value": value, **({"threshold": float(match[2])} if match[2] else {})}


def _add(place: str, test: Any, default: Mapping[str, Any], prompt: _Prompt, gathered: Gathered) -> None:
    if not isinstance(test, Mapping):
        raise InvalidInput(f"{place}: a test is no mapping", "Write vars and assert.")
    parts = [_Parts(place, each) for each in (default, test)]
    given = {name: value for each in parts for name, value in each.mapping("vars").items()}
    if not given:
        raise InvalidInput(f"{place}: a test has no vars", "Add them.")
    assertions = [each for part in parts for each in _flat(part.list("assert"))]
    labels, rest = _labels(assertions, gathered)
    for name in ("options", "provider", "providers", "prompts", "threshold", "assertScoringFunction"):
        if test.get(name) or default.get(name):
            gathered.leave_out(f"{name} of a test")
    metadata = {name: value for each in parts for name, value in each.mapping("metadata").items()}
    if test.get("description"):
        metadata["description"] = test["description"]
    if rest:
        metadata["promptfoo"] = rest
    for variables in _each(place, given, gathered):
        fields = {"question": prompt.question(place, variables, gathered), "variables": variables, "metadata": metadata}
        gathered.add(place, fields | labels)


class _Parts:
    """Fields of a test, each of the type that it must have."""

    def __init__(self, place: str, test: Mapping[str, Any]) -> None:
        self._place = place
        self._test = test

    def mapping(self, name: str) -> Mapping[str, Any]:
        value = self._test.get(name) or {}
        if not isinstance(value, Mapping):
            raise InvalidInput(f"{self._place}: {name} is no mapping", f"Write {name}: {{NAME: ...}}.")
        return value

    def list(self, name: str) -> Sequence[Any]:
        value = self._test.get(name) or []
        if not isinstance(value, list):
            raise InvalidInput(f"{self._place}: {name} is no list", f"Write {name}: [...].")
        return value


def _each(place: str, given: Mapping[str, Any], gathered: Gathered) -> Iterator[dict[str, Any]]:
    """A list of values stands for a test with each, as promptfoo has it."""
    lists = [value if isinstance(value, list) else [value] for value in given.values()]
    count = 1
    for each in lists:
        count *= len(each)
    if count > _MOST:
        raise InvalidInput(f"{place}: its lists of values come to {count} tests", f"Keep below {_MOST}.")
    if any(isinstance(value, str) and value.startswith("file://") for each in lists for value in each):
        gathered.leave_out("the content of a variable's file")
    for values in product(*lists):
        yield dict(zip(given, values, strict=True))


def _flat(assertions: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for each in assertions:
        if isinstance(each, Mapping) and each.get("type") == "assert-set":
            yield from _flat(each.get("assert") or ())
        elif isinstance(each, Mapping):
            yield each


def _labels(assertions: Sequence[Mapping[str, Any]], gathered: Gathered) -> tuple[dict[str, Any], list[Any]]:
    """What of the assertions says what is right; and those that do not, or that there is no more room for."""
    found: dict[str, Any] = {}
    rest = []
    for each in assertions:
        kind, value = str(each.get("type", "")), each.get("value")
        listed = value if isinstance(value, list) else [value]
        texts = [text for text in listed if isinstance(text, str) and text.strip() and not text.startswith("file://")]
        plain = len(texts) == len(listed) and not any("{{" in text for text in texts)
        if kind in _REFERENCES and plain and "expected" not in found:
            found["expected"] = texts[0] if len(texts) == 1 else texts
        elif kind in _QUOTES and plain and "answers" not in found:
            found["answers"] = texts
        elif kind in ("is-refusal", "guardrails-refusal"):
            found["refuse"] = True
        elif kind == "tool-call-f1" and plain:
            found["calls"] = [{"tool": name} for name in texts]
        else:
            rest.append(dict(each))
            gathered.leave_out(f"an assertion of type {kind or 'unknown'}")
    if found.get("refuse") and "answers" in found:
        rest.append({"type": "contains-any", "value": found.pop("answers")})
        gathered.leave_out("an assertion of type contains-any")
    return found, rest
