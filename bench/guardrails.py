"""What the guardrails find, what they should not have found, and how long they take.

``pii``: personal data in the public set of 1,500 documents (``--pii FILE`` for another of its form), scored as ``scaffold/personal.py`` says: ``precision``,
``recall`` and ``f2`` whatever the kind, ``typed_*`` with the right one, a row for each kind with a 95 % interval of its recall. ``ms_per_doc`` is
beside that of Presidio's recognisers without a model, in the same run. The tagger that comes with Aver was trained on texts made from this set's
templates, so each document is read by one of five taggers that have not seen its template (``python -m scaffold.tagging --folds 5 --out
scaffold/tagging/folds`` makes them again): that is the figure to expect of other texts. ``shipped`` is what the weights in the package find, which know
the templates; of another file, they are what is measured.

``clean``: what ``personal`` finds in two real handbooks, by 1,000 words and kind. Nobody has labelled them: names, places and dates among it are right
as often as not, while every card, account or number of a person is a false alarm. ``secrets``: false alarms there and in Aver's own source, by
million characters.

``latency``: a pass of all built-in checks over texts of 1, 10 and 100 KB, what of it was computed, each check alone over 1 KB, and the ratio to the least that reading a
text in Python costs: one pass of a regular expression that takes it apart into words. ``injection`` and ``overblock``: see ``scaffold/injection.py``.

    python bench/guardrails.py --json [--only pii latency] [--every N] [--without presidio]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from scaffold import DATA, say
from scaffold.guard_tables import tables
from scaffold.personal import Score, Span, f_beta, score, wilson

from aver.gateway.types import Embedder
from aver.guard import Detector, Guard, Guardrails, guard_of
from aver.guard.builtin import NAMES, built_in
from aver.guard.declared import Declared
from aver.guard.personal import PersonalData
from aver.guard.personal.numbers import CHECKED
from aver.guard.personal.tagger import Tagger
from aver.guard.secrets import Secrets

HANDBOOKS = {
    "handbook-18f": DATA / "handbook-18f" / "2025-02-27",
    "handbook-sourcegraph": DATA / "handbook-sourcegraph",
}
CACHE = Path(os.environ.get("AVER_BENCH_CACHE", "~/.cache/aver-bench")).expanduser()
FOLDS = 5
TAGGERS = Path(__file__).parent / "scaffold" / "tagging" / "folds"
Document = dict[str, Any]


def pii(arguments: argparse.Namespace) -> dict[str, Any]:
    file = arguments.pii or DATA / "pii" / "synth_dataset_v2.json"
    documents: list[Document] = json.loads(file.read_text(encoding="utf-8"))[:: arguments.every]
    detector = PersonalData()
    detector.find("Ada Lovelace, +44 20 7946 0958")  # loads what is loaded once
    shipped = _scored(documents, lambda _: detector)
    if arguments.pii:
        result = shipped
    else:
        result = _unseen(documents, arguments.folds)
        result["shipped"] = {name: value for name, value in shipped.items() if name != "kinds"}
    result["ms_per_doc"] = _milliseconds(detector, documents)
    if "presidio" not in arguments.without:
        result["presidio"] = presidio = _presidio(documents)
        result["time_over_presidio"] = round(result["ms_per_doc"] / presidio["ms_per_doc"], 2)
    return result


def _unseen(documents: Sequence[Document], folder: Path) -> dict[str, Any]:
    from scaffold.tagging.__main__ import fold_of

    detectors = [PersonalData(tagger=Tagger(weights=folder / f"fold{fold}.npz")) for fold in range(FOLDS)]
    return _scored(documents, lambda document: detectors[fold_of(document["template_id"], FOLDS)])


def _scored(documents: Sequence[Document], detector_of: Callable[[Document], Detector]) -> dict[str, Any]:
    found = [
        [(each.start, each.end, each.kind) for each in detector_of(document).find(document["full_text"])]
        for document in documents
    ]
    total = score(
        (document["full_text"], _labelled(document), spans) for document, spans in zip(documents, found, strict=True)
    )
    return _told(total)


def _labelled(document: Document) -> list[Span]:
    return [(each["start_position"], each["end_position"], each["entity_type"]) for each in document["spans"]]


def _told(total: Score) -> dict[str, Any]:
    def rounded(value: float) -> float:
        return round(value, 4)

    kinds = {}
    for kind, counts in sorted(total.kinds.items()):
        low, high = wilson(counts.found, counts.labelled)
        kinds[kind] = {
            "labelled": counts.labelled,
            "predicted": counts.predicted,
            "precision": rounded(counts.precision),
            "recall": rounded(counts.recall),
            "recall_interval": [rounded(low), rounded(high)],
            "f2": rounded(f_beta(counts)),
        }
    low, high = wilson(total.any.found, total.any.labelled)
    return {
        "precision": rounded(total.any.precision),
        "recall": rounded(total.any.recall),
        "recall_interval": [rounded(low), rounded(high)],
        "f2": rounded(f_beta(total.any)),
        "typed_precision": rounded(total.typed.precision),
        "typed_recall": rounded(total.typed.recall),
        "typed_f2": rounded(f_beta(total.typed)),
        "kinds": kinds,
    }


def _milliseconds(detector: Detector, documents: Sequence[Document]) -> float:
    """The median of three rounds."""
    rounds = []
    for _ in range(3):
        began = time.perf_counter()
        for document in documents:
            detector.find(document["full_text"])
        rounds.append((time.perf_counter() - began) * 1e3 / len(documents))
    return round(statistics.median(rounds), 3)


PRESIDIO = """
import json, sys, time
sys.path[:0] = json.loads(sys.argv[1])
from aver.guard.adapters.presidio import Presidio
documents = json.load(sys.stdin)
detector = Presidio()
detector.find("warm up")
began = time.perf_counter()
found = [[(each.start, each.end, each.kind) for each in detector.find(text)] for text in documents]
print(json.dumps({"ms": (time.perf_counter() - began) * 1e3 / len(documents), "found": found}))
"""
THEIR_NAMES = {"URL": "DOMAIN_NAME", "LOCATION": "GPE"}


def _presidio(documents: Sequence[Document]) -> dict[str, Any]:
    """Presidio's recognisers without a model, in an environment of their own."""
    python = CACHE / "presidio" / "bin" / "python"
    if not python.exists():
        say("installing presidio-analyzer beside the benchmark")
        venv.create(python.parents[1], with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "presidio-analyzer"], check=True)
    # Aver's own adapter is what drives it; it asks for nothing but the standard library and Aver.
    source = [str(Path(__file__).resolve().parents[1] / "src"), *[path for path in sys.path if "site-packages" in path]]
    texts = [document["full_text"] for document in documents]
    done = subprocess.run(
        [python, "-W", "ignore", "-c", PRESIDIO, json.dumps(source)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"error: Presidio failed: {done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    spans = [[(start, end, THEIR_NAMES.get(kind, kind)) for start, end, kind in each] for each in said["found"]]
    total = score((each["full_text"], _labelled(each), found) for each, found in zip(documents, spans, strict=True))
    told = _told(total)
    return {name: told[name] for name in ("precision", "recall", "f2")} | {"ms_per_doc": round(said["ms"], 3)}


def secrets(arguments: argparse.Namespace) -> dict[str, Any]:
    detector, result = Secrets(), {}
    places = {name: (folder, "*.md") for name, folder in HANDBOOKS.items()}
    places["source"] = (Path(__file__).resolve().parents[1] / "src", "*.py")
    for name, (folder, pattern) in places.items():
        characters = alarms = 0
        for path in sorted(folder.rglob(pattern))[:: arguments.every]:
            text = path.read_text(encoding="utf-8", errors="replace")
            characters += len(text)
            alarms += len(detector.find(text))
        result[name] = {
            "characters": characters,
            "found": alarms,
            "per_million": round(alarms * 1e6 / max(1, characters), 2),
        }
    return result


NUMBERS = frozenset(["CREDIT_CARD", *(each.kind for each in CHECKED)])


def clean(arguments: argparse.Namespace) -> dict[str, Any]:
    detector, result = PersonalData(), {}
    for name, folder in HANDBOOKS.items():
        words, kinds = 0, Counter[str]()
        for path in sorted(folder.rglob("*.md"))[:: arguments.every]:
            text = path.read_text(encoding="utf-8", errors="replace")
            words += len(text.split())
            kinds.update(each.kind for each in detector.find(text) if each.score >= Declared("flag").least)
        by_thousand = {kind: round(count * 1e3 / max(1, words), 3) for kind, count in kinds.most_common()}
        # Numbers that carry a check: those of handbooks belong to nobody.
        numbers = sum(count for kind, count in kinds.items() if kind in NUMBERS)
        result[name] = {
            "words": words,
            "found_per_1000": round(kinds.total() * 1e3 / max(1, words), 2),
            "numbers_found": numbers,
            "by_kind_per_1000": by_thousand,
        }
    return result


WORDS = re.compile(r"\w+|[^\w\s]")


def latency(arguments: argparse.Namespace) -> dict[str, Any]:
    """Texts are pages of a handbook with an address among them."""
    pages = "\n".join(
        path.read_text(encoding="utf-8", errors="replace") for path in sorted(HANDBOOKS["handbook-18f"].rglob("*.md"))
    )
    names = arguments.checks or [name for name in sorted(NAMES) if name != "injection" or _has_weights()]
    whole = _guard(names)
    chance = random.Random(0)

    def text_of(size: int) -> str:
        at = chance.randrange(max(1, len(pages) - size))
        return pages[at : at + size - 40] + " Call Ada Lovelace: +44 20 7946 0958.  "

    async def passes(guard: Guard, texts: Sequence[str], clock: Callable[[], float] = time.perf_counter) -> list[float]:
        taken = []
        for text in texts:
            began = clock()
            await guard.judge(text, "input")
            taken.append((clock() - began) * 1e3)
        return sorted(taken)

    asyncio.run(passes(whole, [text_of(1_000) for _ in range(20)]))
    result: dict[str, Any] = {"checks": names}
    for size, count in ((1_000, 400), (10_000, 40), (100_000, 8)):
        texts = [text_of(size) for _ in range(max(4, count // arguments.every))]
        taken, least = asyncio.run(passes(whole, texts)), statistics.median(map(_reading, texts))
        computed = asyncio.run(passes(whole, texts, time.process_time))
        result[f"{size // 1000} KB"] = {
            "p50_ms": round(statistics.median(taken), 3),
            "p95_ms": round(taken[int(len(taken) * 0.95)], 3),
            "cpu_p95_ms": round(computed[int(len(computed) * 0.95)], 3),
            "over_one_regex_pass": round(statistics.median(taken) / least, 1),
        }
    result["time_of_100_over_1"] = round(result["100 KB"]["p50_ms"] / result["1 KB"]["p50_ms"], 1)
    texts = [text_of(1_000) for _ in range(max(4, 200 // arguments.every))]
    result["p50_ms_alone"] = {
        name: round(statistics.median(asyncio.run(passes(_guard([name]), texts))), 3) for name in names
    }
    return result


def _guard(names: Sequence[str]) -> Guard:
    known = built_in(_embedder)
    declared = Guardrails(places={"input": {name: Declared("flag", deadline=60) for name in names}})
    return guard_of(declared, "", known)


def _reading(text: str) -> float:
    """Milliseconds of one pass over ``text``, at best."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in WORDS.finditer(text):
            pass
        taken.append((time.perf_counter() - began) * 1e3)
    return min(taken)


@cache
def _embedder() -> Embedder:
    from aver.gateway.adapters.minilm import MiniLM

    return MiniLM(CACHE / "models")


def _has_weights() -> bool:
    try:
        built_in(_embedder)["injection"]()
    except (ImportError, FileNotFoundError):
        return False
    return True


def injection(_: argparse.Namespace) -> dict[str, Any]:
    from scaffold.injection import measure

    return measure()


_PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "pii": pii,
    "clean": clean,
    "secrets": secrets,
    "latency": latency,
    "injection": injection,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    parser.add_argument("--only", nargs="+", choices=tuple(_PARTS), default=list(_PARTS), help="which parts")
    parser.add_argument("--without", nargs="+", choices=("presidio",), default=(), help="what not to measure beside it")
    parser.add_argument("--every", type=int, default=1, help="take every Nth document")
    parser.add_argument("--checks", nargs="+", choices=sorted(NAMES), help="whose latency; all that ship their weights")
    parser.add_argument("--pii", type=Path, help="another file of labelled documents")
    parser.add_argument(
        "--folds", type=Path, default=TAGGERS, help="taggers, each trained without some of the templates"
    )
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    for name in arguments.only:
        say(name)
        told = _PARTS[name](arguments)
        result |= told if name == "injection" else {name: told}
    print(json.dumps(result) if arguments.json else "\n".join(tables(result)))


if __name__ == "__main__":
    main()
