"""A page of a file as a picture, for a passage to be shown where it stands. Runs in a parser process: see :mod:`aver.knowledge.parsers`."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import InvalidInput, MissingExtra, NotFound
from aver.knowledge.formats import format_of

__all__ = ["draw"]

_TALLEST = 4
"""How many times as tall as wide a picture may be: a longer page is drawn smaller."""


def draw(data: bytes, page: int, width: int) -> bytes:
    """Page ``page`` (from 1) as a PNG of ``width`` pixels, upright as programs show it: what boxes of blocks are fractions of.

    Raises :class:`~aver.core.errors.InvalidInput` for a file that has no pages, is damaged or encrypted, and
    :class:`~aver.core.errors.NotFound` for a page that it does not have.
    """
    kind = format_of(data, PurePosixPath("original"))
    if kind == "pdf":
        return _of_pdf(data, page, width)
    if kind == "image":
        return _of_image(data, page, width)
    raise InvalidInput("The file has no pages", "Read its text.")


def _of_pdf(data: bytes, page: int, width: int) -> bytes:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        raise InvalidInput("The PDF is encrypted or damaged, so its pages cannot be drawn", "Read its text.") from None
    try:
        if not 1 <= page <= len(document):
            raise _no_page(page)
        shown = document[page - 1]
        across, down = shown.get_size()
        scale = min(width / across, width * _TALLEST / down)
        return _png(shown.render(scale=scale, rev_byteorder=True).to_numpy())
    except pypdfium2.PdfiumError:
        raise InvalidInput(f"Page {page} of the PDF is damaged", "Read its text.") from None
    finally:
        document.close()


def _of_image(data: bytes, page: int, width: int) -> bytes:
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise MissingExtra("Showing pictures", "ocr") from None
    Image.MAX_IMAGE_PIXELS = None  # the process is bounded in memory
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF")) as image:
            image.seek(page - 1)
            upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((width, width * _TALLEST))
            return _png(np.asarray(upright))
    except EOFError:
        raise _no_page(page) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, KeyError, TypeError):
        raise InvalidInput("The image is damaged", "Read its text.") from None


def _no_page(page: int) -> NotFound:
    return NotFound(f"The document has no page {page}", "Open it from a citation.")


def _png(pixels: NDArray[Any]) -> bytes:
    """Rows of pixels, grey, RGB or RGB and one more, as a PNG (https://www.w3.org/TR/png-3/), each row as it differs from the one above."""
    shown = pixels[..., :3] if pixels.ndim == 3 and pixels.shape[2] >= 3 else pixels.reshape(*pixels.shape[:2])
    height, width = shown.shape[:2]
    rows = np.ascontiguousarray(shown).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]
    colour = 2 if shown.ndim == 3 else 0
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(filtered.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
