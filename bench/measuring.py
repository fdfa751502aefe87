"""What ``aver eval`` measures on public data, through the commands a person would type.

``xquad``: paragraphs as documents, questions with their answers as people marked them; every fifth paragraph is kept out, so that its
questions have no answer. ``scifact``: claims and the abstracts that bear on them, the search alone. ``handbook``: a set drafted by rule
from a company's handbook, and then asked. Files stay in ``--keep DIR``, to look at.

    python bench/measuring.py --json [--every N] [--sets xquad] [--keep DIR]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scaffold import DATA, jsonl, say

KEPT_OUT = 5
"""Of the paragraphs of XQuAD, one in so many is no document."""


def aver(folder: Path, *words: str) -> dict[str, Any]:
    """A command's JSON document."""
    say(f"aver {' '.join(words)}")
    command = [sys.executable, "-m", "aver", "--data", str(folder / "data"), *words, "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: {done.stdout or done.stderr}")
    return json.loads(done.stdout)


def taken_in(folder: Path, texts: dict[str, str]) -> None:
    pages = folder / "pages"
    pages.mkdir(parents=True)
    for name, text in texts.items():
        (pages / name).write_text(text, encoding="utf-8")
    aver(folder, "tenant", "create", "bench")
    report = aver(folder, "ingest", str(pages), "--tenant", "bench")
    say(f"{report['added']} documents, {report['passages']} passages, {report['seconds']:.0f} s")


def evaluated(folder: Path, cases: Iterable[dict[str, Any]], *words: str) -> dict[str, Any]:
    file = folder / "set.jsonl"
    file.write_text("".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases), encoding="utf-8")
    return aver(
        folder, "eval", "run", str(file), "--tenant", "bench", "--out", str(folder / "result.run.jsonl"), *words
    )


def xquad(folder: Path, every: int) -> dict[str, Any]:
    articles = json.loads((DATA / "xquad" / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    taken_in(folder, {f"{n}.txt": each["context"] for n, each in enumerate(paragraphs) if n % KEPT_OUT})
    cases = [
        {"id": asked["id"], "question": asked["question"]}
        | (
            {"documents": [f"{n}.txt"], "answers": [answer["text"] for answer in asked["answers"]]}
            if n % KEPT_OUT
            else {"unanswerable": True}
        )
        for n, each in enumerate(paragraphs)
        for asked in each["qas"]
    ]
    return evaluated(folder, cases[::every])


def scifact(folder: Path, every: int) -> dict[str, Any]:
    source = DATA / "scifact"
    taken_in(
        folder, {f"{row['_id']}.md": f"# {row['title']}\n\n{row['text']}\n" for row in jsonl(source / "corpus.jsonl")}
    )
    asked = {row["_id"]: row["text"] for row in jsonl(source / "queries.jsonl")}
    judged: dict[str, list[str]] = defaultdict(list)
    for line in (source / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, _ = line.split("\t")
        judged[query].append(f"{document}.md")
    cases = [{"id": query, "question": asked[query], "documents": names} for query, names in judged.items()]
    return evaluated(folder, cases[::every], "--target", "search", "--scorer", "retrieval")


def handbook(folder: Path, every: int) -> dict[str, Any]:
    folder.mkdir(parents=True)
    pages = DATA / "handbook-18f" / "2025-02-27"
    if not pages.is_dir():
        raise SystemExit(f"error: {pages} is not there. Put the public data beside the checkout, in shared/data.")
    aver(folder, "tenant", "create", "bench")
    aver(folder, "ingest", str(pages), "--tenant", "bench")
    file, count = folder / "set.jsonl", str(max(1, 200 // every))
    drafted = aver(folder, "knowledge", "draft-set", "--tenant", "bench", "--count", count, "--out", str(file))
    result = str(folder / "result.run.jsonl")
    return {
        "drafted": drafted,
        "result": aver(folder, "eval", "run", str(file), "--tenant", "bench", "--out", result),
    }


_SETS: dict[str, Callable[[Path, int], dict[str, Any]]] = {"xquad": xquad, "scifact": scifact, "handbook": handbook}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--every", type=int, default=1, help="take every Nth question")
    parser.add_argument("--sets", nargs="+", choices=tuple(_SETS), default=list(_SETS), help="which collections")
    parser.add_argument("--keep", type=Path, help="a folder for what is made, which is not there yet")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as scratch:
        root = arguments.keep or Path(scratch)
        result = {name: _SETS[name](root / name, arguments.every) for name in arguments.sets}
    print(json.dumps(result, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
