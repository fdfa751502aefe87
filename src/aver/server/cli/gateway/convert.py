"""``aver gateway convert``: from LiteLLM's configuration to a bundle."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.core.errors import InvalidInput, NotFound
from aver.server.cli.gateway.bundle import price_book
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable

__all__ = ["convert"]


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="LiteLLM's config.yaml.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write DIR/aver.yaml, where there is none yet; without it, print it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a LiteLLM configuration into a bundle, and say on standard error what is left to do and what is different, by line.

    Secrets are not copied: they become references to the environment variables that held them. Set the variables that the
    configuration reads before you convert, as addresses are looked up there.
    """
    from aver.gateway.config.litellm import convert_litellm
    from aver.gateway.config.read import BUNDLE_FILE

    book = price_book((out or Path()) / BUNDLE_FILE)
    converted, notes = convert_litellm(_read(file), os.environ, book, printable(str(file)))
    target = _write(out, converted) if out else None
    if as_json:
        print_json({"file": target, "bundle": None if target else converted, "notes": notes})
        return
    sys.stdout.write(f"wrote {target}\n" if target else converted)
    sys.stderr.writelines(f"{printable(f'{file}:{note.line}: {note.kind}: {note.text}')}\n" for note in notes)
    if target:
        left = sum(note.kind == "to do" for note in notes)
        todo = f"{left} thing{'s' if left != 1 else ''} to do" if left else "nothing to do"
        sys.stderr.write(f"{todo}; next: aver gateway check {printable(str(out))}\n")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{str(file)!r} is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None


def _write(out: Path, text: str) -> Path:
    target = out / "aver.yaml"
    try:
        out.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InvalidInput(f"{str(target)!r} exists already", "Choose another directory, or remove it.") from None
    except OSError as error:
        raise InvalidInput(
            f"{str(target)!r} cannot be written: {error.strerror}", "Choose another directory."
        ) from None
    return target
