"""What a docstring says of a function and of its parameters, in the conventions that people write: Google's, Sphinx's, NumPy's."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

__all__ = ["Docstring", "read_docstring"]

_SECTION = re.compile(
    r"(?:args|arguments|parameters|params|other parameters|keyword args|keyword arguments|returns?|yields?|raises?|notes?|examples?"
    r"|warns?|warnings?|see also|attributes|references|todo)",
    re.IGNORECASE,
)
_PARAMETERS = re.compile(
    r"(?:args|arguments|parameters|params|other parameters|keyword args|keyword arguments)", re.IGNORECASE
)
_FIELD = re.compile(r":(\w+)(?:\s+([^:]*?))?:\s*(.*)")
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_NUMPY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")


@dataclass
class Docstring:
    """``about`` is what comes before the first section, ``parameters`` what is said of each."""

    about: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> Docstring:
    found = Docstring()
    about: list[str] = []
    section, level, current = "", 0, ""
    """The section read now, how far its entries are indented (-1 before the first), and the entry."""
    lines = inspect.cleandoc(text or "").splitlines()
    for number, line in enumerate(lines):
        stripped, indent = line.strip(), len(line) - len(line.lstrip())
        following = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if following and set(following) == {"-"} and len(following) >= 3 and _SECTION.fullmatch(stripped):
            section, level, current = stripped, 0, ""
        elif section and stripped and set(stripped) == {"-"}:
            continue
        elif indent == 0 and stripped.endswith(":") and _SECTION.fullmatch(stripped[:-1]):
            section, level, current = stripped[:-1], -1, ""
        elif indent == 0 and (said := _FIELD.fullmatch(stripped)):
            section, current = "field", ""
            if said[1] in ("param", "parameter", "arg", "argument", "key", "keyword") and said[2]:
                section, level, current = "parameters", 0, said[2].split()[-1].lstrip("*")
                found.parameters[current] = said[3]
        elif not section:
            about.append(line)
        elif stripped and _PARAMETERS.fullmatch(section):
            level, current = _entry(found.parameters, stripped, indent, level, current)
    found.about = "\n".join(about).strip()
    return found


def _entry(parameters: dict[str, str], stripped: str, indent: int, level: int, current: str) -> tuple[int, str]:
    """One line of a section of parameters: an entry begins, or goes on deeper than it began."""
    if level < 0:
        level = indent
    if indent > level and current:
        for name in current.split(","):
            parameters[name] = f"{parameters[name]} {stripped}".strip()
        return level, current
    google = _GOOGLE.fullmatch(stripped) if level else None
    if google:
        parameters[google[1]] = google[2]
        return level, google[1]
    numpy = _NUMPY.fullmatch(stripped)
    if numpy:
        names = [name.strip().lstrip("*") for name in numpy[1].split(",")]
        parameters.update(dict.fromkeys(names, ""))
        return level, ",".join(names)
    return level, current
