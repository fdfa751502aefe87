"""all-MiniLM-L6-v2 as an ONNX graph: the word pieces of one text in, its unit vector out.

The published model is a six-layer BERT encoder, its token vectors averaged and the mean scaled to length 1
(https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2). The graph takes one text, not a batch: int8 activations
take their scale from the whole tensor, so in a batch a vector would depend on the texts beside it. Alone it depends on its
text only, nothing is padded, and nothing is masked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aver.gateway.adapters import onnx_format

__all__ = ["build", "quantise"]

_DIMENSION = 384
_LAYERS = 6
_HEADS = 12
_HEAD = _DIMENSION // _HEADS
_OPSET = 20
_IR_VERSION = 10

Array = NDArray[np.float32]
Weights = Mapping[str, Array]


def build(weights: Weights, *, longest: int, quantised: bool = True) -> bytes:
    """The serialised model: input ``ids`` int64 ``(tokens,)``, at most ``longest``; output ``vector`` float32 ``(384,)``.

    ``quantised`` stores the weights of matrix products as int8 per output channel and multiplies in integers; the word
    table is stored as float16 and widened after the look-up. Without it everything is float32.
    """
    return _Graph(weights, longest, quantised=quantised).model()


def quantise(weight: Array) -> tuple[NDArray[np.int8], Array]:
    """int8 values and the scale of each column, ``values * scale ~ weight``, for ``weight`` of shape ``(inputs, outputs)``.

    The scale bounds the sum of each pair of neighbouring rows by 127, not only each value: processors without a
    dot-product instruction add two products of uint8 and int8 in 16 bits, which then cannot saturate, so every
    processor computes the same vector.
    """
    pairs = np.abs(weight).reshape(-1, 2, weight.shape[1]).sum(axis=1)
    scale = (pairs.max(axis=0) / 127).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


class _Graph:
    """Nodes and constants as they accumulate; a value is known by its name."""

    def __init__(self, weights: Weights, longest: int, *, quantised: bool) -> None:
        self._weights = weights
        self._longest = longest
        self._quantised = quantised
        self._nodes: list[bytes] = []
        self._constants: dict[str, bytes] = {}

    def model(self) -> bytes:
        hidden = self._embeddings()
        for layer in range(_LAYERS):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        mean = self._op("ReduceMean", hidden, self._ints("first_axis", 0), keepdims=0)
        length = self._op("ReduceL2", mean, self._ints("first_axis", 0), keepdims=1)
        self._nodes.append(onnx_format.node("Div", [mean, length], ["vector"], {}))
        return onnx_format.model(
            "all-MiniLM-L6-v2",
            self._nodes,
            self._constants.values(),
            given=onnx_format.value("ids", onnx_format.INT64, ["tokens"]),
            result=onnx_format.value("vector", onnx_format.FLOAT, [_DIMENSION]),
            ir_version=_IR_VERSION,
            operators={"": _OPSET, "com.microsoft": 1},
        )

    def _embeddings(self) -> str:
        table = self._weights["embeddings.word_embeddings.weight"]
        words = self._constant("words", table.astype(np.float16) if self._quantised else table)
        words = self._op("Cast", self._op("Gather", words, "ids"), to=onnx_format.FLOAT)
        # One text is one segment, so the segment's vector belongs to every position.
        segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        places = self._constant(
            "positions", self._weights["embeddings.position_embeddings.weight"][: self._longest] + segment
        )
        # The first `tokens` rows. Gathering range(tokens) says the same, but onnxruntime 1.32 fuses that wrongly.
        first, tokens = self._ints("first", 0), self._op("Shape", "ids", start=0, end=1)
        places = self._op("Slice", places, first, tokens, self._ints("first_axis", 0))
        return self._normalised(self._op("Add", words, places), "embeddings.LayerNorm")

    def _layer(self, hidden: str, prefix: str) -> str:
        mixed = self._linear(self._attention(hidden, prefix + "attention.self."), prefix + "attention.output.dense")
        hidden = self._normalised(self._op("Add", hidden, mixed), prefix + "attention.output.LayerNorm")
        wide = self._op("Gelu", self._linear(hidden, prefix + "intermediate.dense"))
        narrow = self._linear(wide, prefix + "output.dense")
        return self._normalised(self._op("Add", hidden, narrow), prefix + "output.LayerNorm")

    def _attention(self, hidden: str, prefix: str) -> str:
        """Query, key and value in one product; the query's is scaled by 1/sqrt(head size) beforehand."""
        scales = {"query": np.float32(_HEAD**-0.5), "key": np.float32(1), "value": np.float32(1)}
        weight = np.concatenate([self._weights[f"{prefix}{part}.weight"].T * by for part, by in scales.items()], axis=1)
        bias = np.concatenate([self._weights[f"{prefix}{part}.bias"] * by for part, by in scales.items()])
        parts = self._op(
            "Reshape", self._product(hidden, prefix + "qkv", weight, bias), self._ints("heads", -1, 3, _HEADS, _HEAD)
        )
        query, key, value = self._split(self._op("Transpose", parts, perm=[1, 2, 0, 3]))
        scores = self._op("MatMul", query, self._op("Transpose", key, perm=[0, 1, 3, 2]))
        read = self._op("MatMul", self._op("Softmax", scores, axis=-1), value)
        return self._op("Reshape", self._op("Transpose", read, perm=[0, 2, 1, 3]), self._ints("joined", -1, _DIMENSION))

    def _linear(self, value: str, name: str) -> str:
        return self._product(value, name, self._weights[f"{name}.weight"].T, self._weights[f"{name}.bias"])

    def _product(self, value: str, name: str, weight: Array, bias: Array) -> str:
        """``value @ weight + bias``."""
        added = self._constant(f"{name}.bias", bias)
        if not self._quantised:
            return self._op("Add", self._op("MatMul", value, self._constant(f"{name}.weight", weight)), added)
        values, scale = quantise(weight)
        return self._op(
            "DynamicQuantizeMatMul",
            value,
            self._constant(f"{name}.int8", values),
            self._constant(f"{name}.scale", scale),
            self._constant(f"{name}.zero", np.zeros(len(scale), np.int8)),
            added,
            domain="com.microsoft",
        )

    def _normalised(self, value: str, name: str) -> str:
        gain = self._constant(f"{name}.weight", self._weights[f"{name}.weight"])
        offset = self._constant(f"{name}.bias", self._weights[f"{name}.bias"])
        return self._op("LayerNormalization", value, gain, offset, axis=-1, epsilon=1e-12)

    def _split(self, value: str) -> list[str]:
        names = [f"{value}.{part}" for part in ("query", "key", "value")]
        self._nodes.append(onnx_format.node("Split", [value], names, {"axis": 0, "num_outputs": 3}))
        return names

    def _op(self, kind: str, *inputs: str, domain: str = "", **attributes: float | Sequence[int]) -> str:
        output = f"{kind}{len(self._nodes)}"
        self._nodes.append(onnx_format.node(kind, inputs, [output], attributes, domain))
        return output

    def _constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._constants[name] = onnx_format.tensor(name, value)
        return name

    def _ints(self, name: str, *values: int) -> str:
        return self._constant(name, np.array(values, np.int64))
