"""How often the sentences that an answer rests on survive when a prompt's context is shortened, and how much shorter it gets.

Each answerable question of ClapNQ's development set is asked over its own passage, alone or with four others' around it. ``answers`` is the share
of questions for which every sentence that some annotator selected is still there; ``sentences`` the share of all such sentences;
``by_chance`` what leaving out the same share at random would keep of them.

    python bench/compression.py --json [--clapnq DIRECTORY] [--shares 0.3 0.5]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from aver.gateway.adapters.minilm import MiniLM
from aver.gateway.saving.compress import compress
from aver.gateway.types import ChatRequest, Message, Text

CLAPNQ = Path(__file__).resolve().parents[2] / "shared/data/clapnq"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--clapnq", type=Path, default=CLAPNQ)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.3, 0.5])
    options = parser.parse_args()
    rows = [json.loads(line) for line in (options.clapnq / "dev_answerable.jsonl").read_text("utf-8").splitlines()]
    embedder = MiniLM(Path(os.environ.get("AVER_DATA", tempfile.gettempdir())) / "models")
    result = {
        f"{share} of {others + 1}": measure(rows, share, others, embedder)
        for share in options.shares
        for others in (0, 4)
    }
    print(json.dumps(result) if options.json else "\n".join(f"{share:10} {found}" for share, found in result.items()))


def measure(rows: list[dict[str, Any]], share: float, among: int, embedder: MiniLM) -> dict[str, float]:
    """Figures at one share, the passage among so many others; milliseconds are the median of a prompt."""
    chosen = random.Random(0)
    whole = kept = wanted = 0
    saved_shares, times = [], []
    for row in rows:
        sampled = [other for other in chosen.sample(rows, among + 1) if other is not row][:among]
        others = [other["passages"][0]["text"] for other in sampled]
        contexts = [*others, row["passages"][0]["text"]]
        chosen.shuffle(contexts)
        chat = ChatRequest((Message("user", (Text("\n\n".join(contexts)), Text(row["input"]))),))
        began = time.perf_counter()
        shorter, saved = compress(chat, share, embedder)
        times.append(1000 * (time.perf_counter() - began))
        saved_shares.append(saved.share)
        text = shorter.messages[0].text
        needed = {sentence.strip() for answer in row["output"] for sentence in answer["selected_sentences"]}
        found = sum(sentence in text for sentence in needed)
        wanted += len(needed)
        kept += found
        whole += found == len(needed)
    saved_share = sum(saved_shares) / len(rows)
    return {
        "questions": len(rows),
        "saved": round(saved_share, 3),
        "answers": round(whole / len(rows), 3),
        "sentences": round(kept / wanted, 3),
        "by_chance": round(1 - saved_share, 3),
        "ms": round(sorted(times)[len(times) // 2], 1),
    }


if __name__ == "__main__":
    main()
