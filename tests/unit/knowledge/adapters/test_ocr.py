"""Scans and pictures: recognised where the extra is installed, and what is said where it is not."""

from __future__ import annotations

import io
import sys

import pytest
from PIL import Image, ImageDraw, ImageFont

from aver.core.errors import InvalidInput, MissingExtra, TooLarge
from aver.knowledge.adapters import ocr
from aver.knowledge.parsing import UnsupportedFormat, parse
from tests.unit.knowledge.adapters.building import pdf

SAID = ["Annual leave is thirty days", "The manager approves it", "Unused days lapse in March"]


def picture(texts=SAID, size=(1240, 800)):
    image = Image.new("L", size, 255)
    drawn = ImageDraw.Draw(image)
    for row, text in enumerate(texts):
        drawn.text((100, 100 + 90 * row), text, fill=0, font=ImageFont.load_default(44))
    return image


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_picture_of_text_is_read_with_its_places(kind):
    document = parse(saved(picture(), kind), "scan.bin")
    assert document.text.split() == " ".join(SAID).split()
    left, top, right, bottom = document.blocks[0].box
    assert 0.05 < left < 0.1 < right < 0.7
    assert 0.08 < top < 0.16 < bottom


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_picture_on_its_side_or_head_is_turned(turn):
    document = parse(saved(picture().rotate(turn, expand=True), "PNG"), "scan.png")
    assert document.text.split() == " ".join(SAID).split()
    left, top, _, _ = document.blocks[0].box
    upright = parse(saved(picture(), "PNG"), "scan.png").blocks[0].box
    expected = {
        90: (upright[1], 1 - upright[2]),
        180: (1 - upright[2], 1 - upright[3]),
        270: (1 - upright[3], upright[0]),
    }
    assert (left, top) == pytest.approx(expected[turn], abs=0.03)


def test_a_page_without_text_is_recognised_and_one_with_text_is_not():
    image = picture(size=(1275, 1650))
    scan = (image.width, image.height, image.tobytes())
    document = parse(pdf([[]], picture=scan), "scan.pdf")
    assert document.text.split() == " ".join(SAID).split()
    assert document.blocks[0].page == 1
    typed = [(72, 100, 11, "This page has a picture behind it and text enough to go by.")]
    assert parse(pdf([typed], picture=scan), "typed.pdf").text == typed[0][3]


def test_pages_of_a_tiff_are_pages():
    data = saved(picture(SAID[:1]), "TIFF", save_all=True, append_images=[picture(SAID[1:2])])
    assert [block.page for block in parse(data, "fax.tif").blocks] == [1, 2]


def test_a_picture_without_text_is_skipped():
    with pytest.raises(UnsupportedFormat, match="shows no text"):
        parse(saved(Image.new("RGB", (300, 200), "navy"), "PNG"), "logo.png")


def test_damaged_and_huge_pictures_are_refused():
    with pytest.raises(InvalidInput, match="damaged"):
        parse(saved(picture(), "PNG")[:500], "x.png")
    with pytest.raises(TooLarge, match="pixels"):
        parse(saved(Image.new("1", (20_000, 20_000)), "PNG"), "huge.png")


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    ocr._engine.cache_clear()
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"aver\[ocr\]"):
        parse(saved(picture(), "PNG"), "scan.png")
    image = picture(size=(1275, 1650))
    scan = (image.width, image.height, image.tobytes())
    with pytest.raises(MissingExtra, match=r"aver\[ocr\]"):
        parse(pdf([[]], picture=scan), "scan.pdf")
    ocr._engine.cache_clear()
