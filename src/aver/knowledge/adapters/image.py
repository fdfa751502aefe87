"""Pictures of text (PNG, JPEG, TIFF with any number of pages), through text recognition."""

from __future__ import annotations

import io

import numpy as np

from aver.core.errors import InvalidInput, MissingExtra, TooLarge
from aver.knowledge.adapters.ocr import recognise
from aver.knowledge.adapters.printed_text import write_pages
from aver.knowledge.draft import Draft

__all__ = ["read"]

_MOST_PIXELS = 120_000_000
_MOST_PAGES = 1000
_POINTS = 0.36
"""Of a pixel at 200 dots an inch. Only proportions matter."""


def read(data: bytes) -> Draft:
    try:
        from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError
    except ImportError:
        raise MissingExtra("Text recognition", "ocr") from None
    Image.MAX_IMAGE_PIXELS = None  # the size is looked at below, where there is an error of our own to raise
    pages = []
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF")) as image:
            for number, frame in enumerate(ImageSequence.Iterator(image), 1):
                if frame.width * frame.height > _MOST_PIXELS:
                    raise TooLarge(
                        f"The image is {frame.width} by {frame.height} pixels, more than {_MOST_PIXELS // 10**6} million",
                        "Scale it down: 300 dots an inch are enough.",
                    )
                if number > _MOST_PAGES:
                    raise TooLarge(f"The image has more than {_MOST_PAGES} pages", "Split it.")
                shown = ImageOps.exif_transpose(frame).convert("RGB")
                pages.append(recognise(np.asarray(shown)[:, :, ::-1].copy(), number, _POINTS))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError):
        raise InvalidInput("The image is damaged", "Save it again as PNG or JPEG.") from None
    draft = Draft()
    write_pages(pages, draft)
    return draft
