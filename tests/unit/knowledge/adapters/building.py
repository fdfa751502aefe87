"""Small real files, written byte by byte, so that each test shows what it is about."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping

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
    pages: Iterable[Iterable[tuple[float, float, float, str]]], *, encrypted: bool = False, title: str = ""
) -> bytes:
    """A PDF whose pages show these texts: ``(x, y, size, text)`` in points from the lower left corner, in Helvetica."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = "".join(f"BT /F {size} Tf {x} {y} Td ({_escaped(text)}) Tj ET\n" for x, y, size, text in lines)
        objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream")
        contents = len(objects)
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F 3 0 R >> >> /Contents {contents} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    trailer = ""
    if title:
        objects.append(f"<< /Title ({_escaped(title)}) >>")
        trailer += f" /Info {len(objects)} 0 R"
    if encrypted:
        key = "00" * 32
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O <{key}> /U <{key}> /P -4 >>")
        trailer += f" /Encrypt {len(objects)} 0 R /ID [<{key[:32]}> <{key[:32]}>]"
    written, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R{trailer} >>\nstartxref\n{len(written)}\n%%EOF\n"
    return (written + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}").encode("latin-1")


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
