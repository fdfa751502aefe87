"""Small real files, written byte by byte, so that each test shows what it is about."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping
from hashlib import md5

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher

__all__ = ["W", "compound", "docx", "pdf", "zipped"]

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"

_TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"""
_RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
_KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def docx(body: str, *, namespace: str = W, prolog: str = "", **parts: str) -> bytes:
    """A Word document with this ``w:body``; ``parts`` are ``styles``, ``numbering`` or ``footnotes``, each a root's content."""
    roots = {"styles": "styles", "numbering": "numbering", "footnotes": "footnotes"}
    math = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    choice = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    names = f'xmlns:w="{namespace}" xmlns:m="{math}" xmlns:mc="{choice}"'
    links = "".join(f'<Relationship Id="{part}" Type="{_KIND}/{part}" Target="{part}.xml"/>' for part in parts)
    root = f'<Relationship Id="a" Type="{_KIND}/officeDocument" Target="word/document.xml"/>'
    return zipped(
        {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": f'<Relationships xmlns="{_RELATIONSHIPS}">{root}</Relationships>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{_RELATIONSHIPS}">{links}</Relationships>',
            "word/document.xml": f"{prolog}<w:document {names}><w:body>{body}</w:body></w:document>",
            **{f"word/{part}.xml": f"<w:{roots[part]} {names}>{xml}</w:{roots[part]}>" for part, xml in parts.items()},
        }
    )


def pdf(
    pages: Iterable[Iterable[tuple[float, float, float, str]]],
    *,
    password: str = "",
    title: str = "",
    drawing: str = "",
    turned: int = 0,
    picture: tuple[int, int, bytes] | None = None,
) -> bytes:
    """A PDF whose pages show these texts: ``(x, y, size, text)`` in points from the lower left corner, in Helvetica; below them
    ``drawing`` (operators of a content stream) and ``picture`` (width, height, grey bytes) over the whole page.
    """
    identity = bytes(16)
    owner = _arc4(md5(_padded(password)).digest()[:5], _padded(password))
    key = md5(_padded(password) + owner + struct.pack("<i", -4) + identity).digest()[:5]

    def stream(content: bytes, entries: str = "") -> str:
        if password:
            number = struct.pack("<I", len(objects) + 1)[:3]
            content = _arc4(md5(key + number + bytes(2)).digest()[:10], content)
        return f"<< /Length {len(content)} {entries}>>\nstream\n{content.decode('latin-1')}\nendstream"

    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    images = ""
    if picture:
        width, height, grey = picture
        kind = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8 "
        objects.append(stream(grey, kind))
        images = f"/XObject << /I {len(objects)} 0 R >>"
        drawing += " q 612 0 0 792 0 0 cm /I Do Q\n"
    for lines in pages:
        shown = "".join(f"BT /F {size} Tf {x} {y} Td ({_escaped(text)}) Tj ET\n" for x, y, size, text in lines)
        objects.append(stream((drawing + shown).encode("latin-1")))
        contents = len(objects)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Rotate {turned} "
            f"/Resources << /Font << /F 3 0 R >> {images} >> /Contents {contents} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    trailer = ""
    if title:
        objects.append(f"<< /Title ({_escaped(title)}) >>")
        trailer += f" /Info {len(objects)} 0 R"
    if password:
        user = _arc4(key, _padded(""))
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P -4 >>")
        trailer += f" /Encrypt {len(objects)} 0 R /ID [<{identity.hex()}> <{identity.hex()}>]"
    written, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R{trailer} >>\nstartxref\n{len(written)}\n%%EOF\n"
    return (written + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}").encode("latin-1")


def _padded(password: str) -> bytes:
    """To 32 bytes, as the standard security handler does (ISO 32000-1, 7.6.3.3)."""
    filling = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    return (password.encode() + filling)[:32]


def _arc4(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(ARC4(key), None).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of sectors of 512 bytes that holds these streams by path; none of them is kept as a small one."""
    free, end, table_mark = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    folders = sorted({path[:at] for path in streams for at, letter in enumerate(path) if letter == "/"})
    paths = ["", *folders, *streams]
    sectors: list[bytes] = []
    chain: list[int] = []

    def stored(content: bytes) -> int:
        pieces = [content[at : at + 512].ljust(512, b"\0") for at in range(0, len(content), 512)]
        first = len(sectors)
        sectors.extend(pieces)
        chain.extend([*range(first + 1, first + len(pieces)), end] if pieces else [])
        return first if pieces else end

    starts = {path: stored(content) for path, content in streams.items()}
    directory = b""
    for number, path in enumerate(paths):
        name = (path.rpartition("/")[2] or "Root Entry").encode("utf-16-le")
        inside = [at for at, other in enumerate(paths) if at and other.rpartition("/")[0] == path and other != path]
        beside = [at for at, other in enumerate(paths) if at and other.rpartition("/")[0] == path.rpartition("/")[0]]
        after = [at for at in beside if at > number] if number else []
        kind = 5 if not number else 2 if path in streams else 1
        links = (free, after[0] if after else free, inside[0] if inside and kind != 2 else free)
        content = streams.get(path, b"")
        start = starts.get(path, end)
        directory += struct.pack(
            "<64sHBBIII36xIQ", name.ljust(64, b"\0"), len(name) + 2, kind, 1, *links, start, len(content)
        )
    first_entry = stored(directory)
    tables = (len(sectors) + 127) // 127
    chain += [table_mark] * tables
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(tables * 512, b"\xff")
    places = [len(sectors) + number for number in range(tables)]
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<5H6x9I", 62, 3, 0xFFFE, 9, 6, 0, tables, first_entry, 0, 0, end, 0, end, 0)
    header += struct.pack("<109I", *(places + [free] * 109)[:109])
    return header + b"".join(sectors) + table
