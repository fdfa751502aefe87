"""How fast the built-in embedder is beside the same model in float32 on the same runtime, and how close its vectors stay.

``passages_per_s``: texts of 128 word pieces, from the abstracts of SciFact where ``--texts`` names a file of lines, else from a made-up text.
``ratio`` is over the float32 graph run the same way, turn and turn about. ``query_ms``: one short question, median.

    python bench/embedder.py --json [--texts FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file

from aver.gateway.adapters import minilm, minilm_graph
from aver.gateway.adapters.minilm import MiniLM

PASSAGES = 200
ROUNDS = 3
WORDS = (
    "team",
    "files",
    "report",
    "travel",
    "costs",
    "every",
    "month",
    "lead",
    "signs",
    "before",
    "board",
    "meets",
    "spring",
)
QUESTIONS = ("How many days of paid leave do I get?", "Who approves travel?", "Where is the first aid kit?")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", type=Path, help="one text a line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(MiniLM(Path(folder)), texts(options.texts))
    print(json.dumps(result) if options.json else "\n".join(f"{name:22} {value}" for name, value in result.items()))


def texts(path: Path | None) -> list[str]:
    if path is not None:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    random = np.random.default_rng(0)
    return [" ".join(random.choice(WORDS, 200)) for _ in range(PASSAGES)]


def measure(embedder: MiniLM, lines: list[str]) -> dict[str, float]:
    """Figures by name."""
    embedder.embed(["warm"])
    tokenizer = embedder._load().tokenizer
    tokenizer.enable_truncation(128)
    passages = [line for line in lines if len(tokenizer.encode(line).ids) == 128][:PASSAGES]
    plain = Float32(tokenizer)
    rates: dict[str, list[float]] = {"int8": [], "float32": []}
    for _ in range(ROUNDS):
        for name, embed in (("int8", embedder.embed), ("float32", plain.embed)):
            start = time.perf_counter()
            vectors = embed(passages)
            rates[name].append(len(passages) / (time.perf_counter() - start))
    cosine = (embedder.embed(passages) * plain.embed(passages)).sum(axis=1)
    assert vectors.shape == (len(passages), embedder.dimension)
    waits = []
    for question in QUESTIONS * 20:
        start = time.perf_counter()
        embedder.embed([question])
        waits.append(time.perf_counter() - start)
    return {
        "passages_per_s": round(max(rates["int8"]), 1),
        "float32_passages_per_s": round(max(rates["float32"]), 1),
        "ratio": round(max(rates["int8"]) / max(rates["float32"]), 2),
        "cosine_min": round(float(cosine.min()), 4),
        "cosine_mean": round(float(cosine.mean()), 4),
        "query_ms": round(statistics.median(waits) * 1000, 2),
    }


class Float32:
    """The unquantised graph, run as the embedder runs its own."""

    def __init__(self, tokenizer) -> None:
        weights = load_file(minilm._published() / "model.safetensors")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = minilm_graph.build(weights, longest=256, quantised=False)
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizer
        self.pool = ThreadPoolExecutor(os.cpu_count())

    def embed(self, texts: list[str]) -> np.ndarray:
        return np.stack(list(self.pool.map(self.one, texts)))

    def one(self, text: str) -> np.ndarray:
        return self.session.run(None, {"ids": np.array(self.tokenizer.encode(text).ids, np.int64)})[0]


if __name__ == "__main__":
    main()
