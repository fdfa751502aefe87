"""How well documents of each kind are read: words, tables, and what damaged files do.

Over ``shared/data/documents/KIND`` and the expected Markdown beside it, per kind:

- ``f1``: the median over files of token F1, the harmonic mean of precision and recall of words as a multiset. Both texts are
  normalised alike: Markdown's marks are taken off (comments, link targets, emphasis, escapes, HTML entities, table rules, list and
  heading marks), letters are lower case in Unicode's compatibility form (NFKC), and a word is a run of letters and digits.
- ``order``: the median share of neighbouring words of the expected text that are neighbours in what was read: reading order.
- ``tables``: of the tables in the expected text, how many are read with as many rows and columns.

``--mutations N`` reads N damaged copies (bits flipped, cut off, spliced with another file, ZIP members edited; seeded) in parser
processes, and counts how many end in anything but a document or a typed error.

    python bench/documents.py --json [--mutations 2000] [--kind pdf] [--files]
"""

from __future__ import annotations

import argparse
import html
import io
import json
import random
import re
import statistics
import time
import unicodedata
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from scaffold import DATA, say

from aver.core.errors import AverError
from aver.core.settings import ParserSettings
from aver.knowledge.parsers import Parsers
from aver.knowledge.parsing import UnsupportedFormat
from aver.knowledge.tables import units
from aver.knowledge.types import ParsedDocument

DOCUMENTS = DATA / "documents"
PATIENCE = ParserSettings(seconds=60)
_RULE = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*\|?\s*$")
_MARKS = (
    (re.compile(r"<!--.*?-->", re.DOTALL), " "),
    (re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)"), r"\1"),
    (re.compile(r"</?[a-zA-Z][^<>]{0,300}>"), " "),
    (re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~$&])"), r"\1"),
    (re.compile(r"^\s*(?:[-*+]|#{1,6}|>)\s+", re.MULTILINE), " "),
    (re.compile(r"^\s*```\w*\s*$", re.MULTILINE), " "),
)


def words(text: str) -> list[str]:
    text = "\n".join(line for line in text.split("\n") if not _RULE.match(line))
    for mark, instead in _MARKS:
        text = mark.sub(instead, text)
    text = unicodedata.normalize("NFKC", html.unescape(html.unescape(text))).lower()
    return re.findall(r"[^\W_]+", text)


def f1(found: list[str], expected: list[str]) -> float:
    shared = (Counter(found) & Counter(expected)).total()
    return 2 * shared / (len(found) + len(expected)) if found or expected else 1.0


def order(found: list[str], expected: list[str]) -> float:
    pairs = Counter(pairwise(expected))
    return (Counter(pairwise(found)) & pairs).total() / pairs.total() if pairs else 1.0


def expected_tables(markdown: str) -> list[tuple[int, int]]:
    """Rows, the header among them, and columns of each table."""
    tables: list[tuple[int, int]] = []
    lines = markdown.split("\n")
    for place, line in enumerate(lines):
        if place and "|" in line and _RULE.match(line) and lines[place - 1].lstrip().startswith("|"):
            header = _cells(lines[place - 1])
            rows = 0
            while place + rows + 1 < len(lines) and lines[place + rows + 1].lstrip().startswith("|"):
                rows += 1
            tables.append((rows + any(header), len(header)))
    return tables


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def read_tables(document: ParsedDocument) -> list[tuple[int, int]]:
    tables = []
    for unit in units(document.blocks):
        if unit[0].kind == "table":
            rows = document.text[unit[0].start : unit[-1].end].split("\n")
            tables.append((len(rows), max(row.count(" | ") + 1 for row in rows)))
    return tables


def kept(document: ParsedDocument, expected: str) -> tuple[int, int]:
    """Tables whose size was kept, and tables there are."""
    wanted = expected_tables(expected)
    found = Counter(read_tables(document))
    return (Counter(wanted) & found).total(), len(wanted)


def expectation(path: Path) -> str | None:
    folder = path.parent / "expected"
    for name in (f"{path.name}.md", f"{path.stem}.md"):
        if (folder / name).exists():
            return (folder / name).read_text(encoding="utf-8")
    return None


def files(kind: str | None) -> dict[str, list[Path]]:
    kinds = sorted(folder.name for folder in DOCUMENTS.iterdir() if folder.is_dir() and kind in (None, folder.name))
    return {name: sorted(path for path in (DOCUMENTS / name).iterdir() if path.is_file()) for name in kinds}


def quality(parsers: Parsers, kind: str | None, each: bool) -> dict[str, dict]:
    results = {}
    for name, paths in files(kind).items():
        scores, orders, tables, failed, unsupported, crashed = [], [], [0, 0], [], 0, 0
        started = time.perf_counter()
        for path in paths:
            expected = expectation(path)
            try:
                document = parsers.parse(path.read_bytes(), path.name)
            except UnsupportedFormat:
                unsupported += 1
                continue
            except AverError as error:
                crashed += "crash" in error.cause or "cannot be read" in error.cause
                failed.append(f"{path.name}: {error.cause}")
                if expected is not None:
                    scores.append(0.0)
                continue
            if expected is None:
                continue
            found, wanted = words(document.text), words(expected)
            scores.append(f1(found, wanted))
            orders.append(order(found, wanted))
            same, there = kept(document, expected)
            tables = [tables[0] + same, tables[1] + there]
            if each:
                say(
                    f"{name:6} f1 {scores[-1]:.3f} order {orders[-1]:.3f} tables {same}/{there} {read_tables(document)[:6]} "
                    f"{expected_tables(expected)[:6]} {path.name}"
                )
        results[name] = {
            "files": len(paths),
            "scored": len(scores),
            "f1": round(statistics.median(scores), 4) if scores else None,
            "least_f1": round(min(scores), 4) if scores else None,
            "order": round(statistics.median(orders), 4) if orders else None,
            "tables_kept": f"{tables[0]}/{tables[1]}",
            "unsupported": unsupported,
            "failed": failed,
            "crashes": crashed,
            "seconds": round(time.perf_counter() - started, 2),
        }
    return results


def mutated(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """A damaged copy of ``data``: in one of four ways, or in two after one another."""
    ways = [_flipped, _cut, lambda data, chance: _spliced(data, other, chance)]
    if data.startswith(b"PK"):
        ways += [_edited] * 3
    for way in chance.choices(ways, k=chance.choice((1, 1, 2))):
        data = way(data, chance)
    return data


def _flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 8, 64, 512))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data)) if data and chance.random() < 0.3 else 0
    return data[start : chance.randrange(len(data) + 1)] if start == 0 else data[:start] + data[start + 64 :]


def _spliced(data: bytes, other: bytes, chance: random.Random) -> bytes:
    at, first = chance.randrange(len(data) + 1), chance.randrange(len(other) + 1)
    return data[:at] + other[first : first + chance.choice((16, 512, 16384))] + data[at + chance.choice((0, 512)) :]


def _edited(data: bytes, chance: random.Random) -> bytes:
    """A ZIP archive with one member damaged, emptied, doubled or gone, and its checksums right again."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    except Exception:  # noqa: BLE001 - damaged before
        return data
    if not members:
        return data
    at = chance.randrange(len(members))
    name, content = members[at]
    edit = chance.choice(("flip", "cut", "empty", "double", "gone", "repeat"))
    if edit == "gone":
        members.pop(at)
    else:
        content = {
            "flip": lambda: _flipped(content, chance),
            "cut": lambda: content[: chance.randrange(len(content) + 1)],
            "empty": lambda: b"",
            "double": lambda: content + content,
            "repeat": lambda: content.replace(b"><", b"><" + content[100:400], 50),
        }[edit]()
        members[at] = (name, content)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def fuzz(parsers: Parsers, count: int, kind: str | None, seed: int) -> dict:
    chance = random.Random(seed)
    originals = [path for paths in files(kind).values() for path in paths if path.stat().st_size < 3_000_000]
    contents = {path: path.read_bytes() for path in originals}

    def attempt(number: int) -> tuple[str, str]:
        own = random.Random(f"{seed} {number}")
        path, other = own.choice(originals), own.choice(originals)
        try:
            parsers.parse(mutated(contents[path], contents[other], own), path.name)
        except AverError as error:
            if "crash" in error.cause or "nonsense" in error.cause:
                return "crashes", f"{number} {path.name}: {error.cause}"
            if "seconds that a parser" in error.cause:
                return "hangs", f"{number} {path.name}: {error.cause}"
            return ("unhandled" if "cannot be read:" in error.cause else "refused"), f"{path.name}: {error.cause}"
        except Exception as error:  # noqa: BLE001 - counted
            return "untyped", f"{number} {path.name}: {error!r}"
        return "read", ""

    with ThreadPoolExecutor(parsers.size) as pool:
        outcomes = list(pool.map(attempt, range(count)))
    chance.shuffle(outcomes)
    counts = Counter(outcome for outcome, _ in outcomes)
    for outcome in ("crashes", "hangs", "untyped", "unhandled"):
        for _, note in [each for each in outcomes if each[0] == outcome][:10]:
            say(f"{outcome}: {note}")
    names = ("read", "refused", "unhandled", "crashes", "hangs", "untyped")
    return {"mutations": count, "seed": seed, **{name: counts[name] for name in names}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=0, help="damaged copies to read")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", help="one folder alone")
    parser.add_argument("--files", action="store_true", help="a line for each file, on standard error")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    if not DOCUMENTS.is_dir():
        raise SystemExit(f"error: {DOCUMENTS} is not there. Put the public data beside the checkout, in shared/data.")
    with Parsers(PATIENCE) as parsers:
        result: dict = {"kinds": quality(parsers, arguments.kind, arguments.files)}
        if arguments.mutations:
            result["fuzz"] = fuzz(parsers, arguments.mutations, arguments.kind, arguments.seed)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
