"""Starting a bundle: the folder that a product team begins with, its first cases, its gate and its checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from aver.core.errors import Conflict, InvalidInput

__all__ = ["Started", "start"]

_PLACES = {
    "gitignore": ".gitignore",
    "ci/github.yml": ".github/workflows/aver.yml",
    "ci/gitlab.yml": ".gitlab-ci.yml",
    "ci/Jenkinsfile": "Jenkinsfile",
}
"""Files of the template that stand elsewhere in a bundle than here."""


@dataclass(frozen=True, slots=True)
class Started:
    """What was written, by its path in the bundle; ``kept`` are files that were there, by the names that they have now."""

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...] = ()


def start(folder: Path, *, force: bool = False) -> Started:
    """Write a bundle into ``folder``, which is made if it is not there.

    Nothing is overwritten: :class:`~aver.core.errors.Conflict` names what stands in the way, before anything is written. With ``force`` a file
    that is there and says something else is kept beside the new one, as ``NAME.before``.
    """
    template = dict(_template())
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{str(folder)!r} is a file", "Choose a folder, or another name.")
    there = [place for place in template if (folder / place).exists() or (folder / place).is_symlink()]
    if there and not force:
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        raise Conflict(
            f"{str(folder)!r} holds {', '.join(there[:3])}{more} already",
            "Choose another folder, or keep them beside the new ones: --force.",
        )
    written, kept = [], []
    try:
        for place, content in template.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and path.read_bytes() == content:
                continue
            if path.exists() or path.is_symlink():
                kept.append(_aside(path).relative_to(folder).as_posix())
            with path.open("xb") as file:
                file.write(content)
            written.append(place)
    except OSError as error:
        raise InvalidInput(
            f"{str(error.filename)!r} cannot be written: {error.strerror}", "Choose another folder."
        ) from None
    return Started(folder, tuple(written), tuple(kept))


def _aside(path: Path) -> Path:
    """Moves what is there to a name that is free."""
    number = 0
    while True:
        name = f"{path.name}.before" + (f".{number}" if number else "")
        other = path.with_name(name)
        if not (other.exists() or other.is_symlink()):
            return path.rename(other)
        number += 1


def _template() -> Iterator[tuple[str, bytes]]:
    """Every file by its path in a bundle."""
    root = files("aver.server.starting") / "template"
    for place, file in _walk(root, ""):
        yield _PLACES.get(place, place), file.read_bytes()


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        place = f"{path}{each.name}"
        if each.is_dir():
            yield from _walk(each, f"{place}/")
        else:
            yield place, each
