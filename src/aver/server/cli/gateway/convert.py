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
    """Turn a LiteLLM configuration into a bundle; notes on standard error say, by line, what is left for a person to do.

    Secrets are not copied: they become references to the environment variables that held them.
    """
    from aver.gateway.config.litellm import convert_litellm

    converted, notes = convert_litellm(_read(file), os.environ)
    notes += _unpriced(converted, out or Path())
    target = _write(out, converted) if out else None
    if as_json:
        print_json({"file": target, "bundle": None if target else converted, "notes": notes})
        return
    sys.stdout.write(f"wrote {target}\n" if target else converted)
    sys.stderr.writelines(f"{printable(str(file))}: {printable(note)}\n" for note in notes)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{str(file)!r} is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None


def _unpriced(converted: str, bundle: Path) -> list[str]:
    """LiteLLM takes a model without a price for free, such as one on a server of one's own."""
    from aver.gateway.config.read import BUNDLE_FILE, parse_config
    from aver.gateway.prices.book import price_of

    book = price_book(bundle / BUNDLE_FILE)
    models = parse_config(converted, BUNDLE_FILE).models.values()
    step = "it is not called before you write its price, such as price: {input: 0, output: 0} for a server of your own."
    return [f"nobody knows a price of {model.name}: {step}" for model in models if price_of(model, book) is None]


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
