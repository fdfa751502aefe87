"""Pages become pictures, upright as programs show them."""

import struct
import zlib

import numpy as np
import pytest

from aver.core.errors import InvalidInput, NotFound
from aver.knowledge.drawing import draw
from tests.unit.knowledge.adapters.building import pdf


def pixels(png):
    """What a reader of PNG sees: filters undone after https://www.w3.org/TR/png-3/#9Filters."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + body)
        chunks[name] = body
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) in ((8, 2), (8, 0))
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert set(lines[:, 0]) == {2}
    return np.cumsum(lines[:, 1:], axis=0, dtype=np.uint8).reshape(height, width, 3 if colour == 2 else 1)


def test_a_black_square_is_where_it_belongs():
    drawn = pixels(draw(pdf([[]], drawing="0 g 0 0 306 396 re f\n"), 1, 612))
    assert drawn.shape[:2] == (792, 612)
    left, right = drawn[594, 153], drawn[594, 459]
    assert left.max() == 0  # the lower left quarter
    assert right.min() == drawn[198, 153].min() == 255


def test_a_turned_page_is_shown_turned():
    drawn = pixels(draw(pdf([[]], drawing="0 g 0 0 306 396 re f\n", turned=90), 1, 792))
    assert drawn.shape[:2] == (612, 792)
    assert drawn[153, 198].max() == 0  # what was below is now on the left
    assert drawn[459, 594].min() == 255


@pytest.mark.parametrize(
    ("data", "page", "error"),
    [
        (pdf([[]]), 2, NotFound),
        (pdf([[]]), 0, NotFound),
        (b"%PDF-1.4 but nothing else", 1, InvalidInput),
        (b"# only text", 1, InvalidInput),
        (pdf([[]], password="pelican"), 1, InvalidInput),
    ],
)
def test_what_cannot_be_drawn_says_why(data, page, error):
    with pytest.raises(error):
        draw(data, page, 100)


def test_a_very_long_page_stays_small():
    strip = pdf([[]]).replace(b"[0 0 612 792]", b"[0 0 1 9000]")
    assert max(pixels(draw(strip, 1, 100)).shape[:2]) <= 400
