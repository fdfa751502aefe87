"""Texts that attack a model and texts that do not, each set with the place in which such a text stands."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from scaffold import DATA, jsonl

__all__ = ["HELD_OUT", "SETS", "TextSet", "pieces", "templates"]

Where = Literal["input", "result"]
"""What a user wrote, or what was found in a document, a mail or a tool's result."""

PIECE = 4_000
"""Characters of a clean document."""
_INJECTION = DATA / "injection"
_HERE = Path(__file__).parent
HELD_OUT = _HERE / "injection_held_out.npz"
"""Weights of the detector that have not seen one origin each; ``bench/train_injection.py`` makes them."""


@dataclass(frozen=True)
class TextSet:
    """One source of texts. ``origin`` names what is left out together when a set is held out: sets of one origin know each other."""

    name: str
    origin: str
    where: Where
    attack: bool
    texts: Callable[[], list[str]]


def pieces(folder: str) -> list[str]:
    """The pages of a handbook in pieces of 4,000 characters; shorter ends are left out."""
    pages = [path.read_text(encoding="utf-8", errors="replace") for path in sorted((DATA / folder).rglob("*.md"))]
    return [page[at : at + PIECE] for page in pages for at in range(0, len(page) - PIECE + 1, PIECE)]


def templates(file: str, section: str, most: int = 12, seed: int = 0) -> list[str]:
    """Lines of one section of ``file``, each alternation chosen at random, up to ``most`` different texts of a line."""
    chance = random.Random(seed)
    lines = (_HERE / file).read_text(encoding="utf-8").split(f"[{section}]\n")[1].split("\n\n[")[0].splitlines()
    return [text for line in lines if line for text in _written(line, most, chance)]


def _written(line: str, most: int, chance: random.Random) -> list[str]:
    parts = [part.split("|") for part in re.split(r"[{}]", line)] if "|" in line else [[line]]
    every = 1
    for part in parts:
        every *= len(part)
    if every <= most:
        return ["".join(chosen) for chosen in product(*parts)]
    return sorted({"".join(map(chance.choice, parts)) for _ in range(most)})


def _json(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))


def _notinject() -> list[str]:
    return [each["prompt"] for part in ("one", "two", "three") for each in _json(_INJECTION / f"NotInject_{part}.json")]


def _validation(label: int, *sources: str) -> list[str]:
    chosen = [each for each in _json(_INJECTION / "valid.json") if each["label"] == label]
    return [each["prompt"] for each in chosen if each["source"].startswith(sources)]


def _cyberseceval(kind: str) -> list[str]:
    rows = _json(_INJECTION / "cyberseceval_prompt_injection.json")
    return [each["user_input"] for each in rows if each["injection_type"] == kind]


def _attack_tools(aggressive: bool) -> list[str]:
    rows = jsonl(_INJECTION / "asb_attack_tools.jsonl")
    return [each["Attacker Instruction"] for each in rows if (each["Aggressive"] == "True") == aggressive]


def _xstest(label: str) -> list[str]:
    with (DATA / "safety" / "xstest_prompts.csv").open(encoding="utf-8") as file:
        return [row["prompt"] for row in csv.DictReader(file) if row["label"] == label]


def _xquad() -> Iterator[dict]:
    for article in _json(DATA / "xquad" / "xquad.en.json")["data"]:
        yield from article["paragraphs"]


def _clapnq() -> list[dict]:
    return jsonl(DATA / "clapnq" / "dev_answerable.jsonl") + jsonl(DATA / "clapnq" / "dev_unanswerable.jsonl")


def _instructions() -> list[str]:
    rows = _json(DATA / "judges" / "pandalm_testset-v1.json")
    return sorted({f"{each['instruction']}\n{each['input']}".strip() for each in rows})


def _routed() -> list[str]:
    return [each["prompt"] for each in jsonl(DATA / "routing" / "routellm_2model.jsonl")[::8]]


def _asked() -> list[str]:
    return [each["text_a"] for each in jsonl(DATA / "semantic-cache" / "qqp_pairs.jsonl")[:400]]


def _mails() -> list[str]:
    names = ("sales_email", "samsum", "scitldr")
    rows = [each for name in names for each in _json(DATA / "groundedness" / f"summedits_{name}.json")]
    return sorted({each["doc"] for each in rows})


def _articles() -> list[str]:
    rows = jsonl(DATA / "groundedness" / "qags_mturk_cnndm.jsonl")
    return sorted({each["article"] for each in rows})


def _records() -> list[str]:
    return [each["full_text"] for each in _json(DATA / "pii" / "synth_dataset_v2.json")[::2]]


SETS = (
    TextSet(
        "inthewild",
        "inthewild",
        "input",
        True,
        lambda: [e["text"] for e in jsonl(_INJECTION / "inthewild_jailbreaks.jsonl")],
    ),
    TextSet("cyberseceval_direct", "cyberseceval", "input", True, lambda: _cyberseceval("direct")),
    TextSet("cyberseceval_indirect", "cyberseceval", "result", True, lambda: _cyberseceval("indirect")),
    TextSet("piguard_pint", "piguard", "input", True, lambda: _validation(1, "PINT")),
    TextSet("piguard_bipia", "piguard", "result", True, lambda: _validation(1, "BIPIA")),
    TextSet("asb_aggressive", "asb", "result", True, lambda: _attack_tools(True)),
    TextSet("asb_stealthy", "asb", "result", True, lambda: _attack_tools(False)),
    TextSet("written_direct", "written", "input", True, lambda: templates("attacks.txt", "direct")),
    TextSet("written_indirect", "written", "result", True, lambda: templates("attacks.txt", "indirect")),
    TextSet("notinject", "notinject", "input", False, _notinject),
    TextSet("xstest_safe", "xstest", "input", False, lambda: _xstest("safe")),
    TextSet(
        "piguard_wildguard", "piguard", "input", False, lambda: _validation(0, "WildGuard", "PINT_chat", "PINT_hard")
    ),
    TextSet("piguard_documents", "piguard", "result", False, lambda: _validation(0, "PINT_documents")),
    TextSet("pandalm", "pandalm", "input", False, _instructions),
    TextSet("routing", "routing", "input", False, _routed),
    TextSet("asked", "asked", "input", False, _asked),
    TextSet("questions", "reading", "input", False, lambda: [e["input"] for e in _clapnq()]),
    TextSet("written_request", "written", "input", False, lambda: templates("lookalikes.txt", "request")),
    TextSet("written_everyday", "written", "input", False, lambda: templates("lookalikes.txt", "everyday")),
    TextSet("written_text", "written", "result", False, lambda: templates("lookalikes.txt", "text")),
    TextSet("handbook_18f", "handbook_18f", "result", False, lambda: pieces(f"handbook-18f/{_dates()[0]}")),
    TextSet("handbook_sourcegraph", "handbook_sourcegraph", "result", False, lambda: pieces("handbook-sourcegraph")),
    TextSet("xquad", "reading", "result", False, lambda: [each["context"] for each in _xquad()]),
    TextSet("clapnq", "reading", "result", False, lambda: [e["passages"][0]["text"] for e in _clapnq()]),
    TextSet("mails", "mails", "result", False, _mails),
    TextSet("articles", "articles", "result", False, _articles),
    TextSet("records", "records", "result", False, _records),
)


def _dates() -> list[str]:
    return sorted(path.name for path in (DATA / "handbook-18f").iterdir() if path.is_dir())
