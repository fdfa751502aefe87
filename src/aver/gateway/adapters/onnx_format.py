"""Just enough of the ONNX file format to write a model: nodes, constants, one graph.

The messages and their field numbers are those of onnx.proto3 (https://github.com/onnx/onnx), in protocol-buffer wire
format. The onnx package writes the same bytes' meaning; it is not needed to run a model, and weighs 30 MB.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOAT", "INT64", "model", "node", "tensor", "value"]

FLOAT, INT64 = 1, 7
_ELEMENTS = {"float32": FLOAT, "int8": 3, "int64": INT64, "float16": 10}
"""TensorProto.DataType by numpy's name."""
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 2, 7


def node(
    kind: str,
    inputs: Iterable[str],
    outputs: Iterable[str],
    attributes: Mapping[str, float | Sequence[int]],
    domain: str = "",
) -> bytes:
    """A NodeProto: operator ``kind`` of ``domain``. Attributes are ints, floats or sequences of ints."""
    fields = [*(_text(1, name) for name in inputs), *(_text(2, name) for name in outputs), _text(4, kind)]
    fields += [_block(5, _attribute(name, given)) for name, given in attributes.items()]
    return b"".join([*fields, _text(7, domain)])


def tensor(name: str, values: NDArray[np.generic]) -> bytes:
    """A TensorProto: a constant, its elements as little-endian raw data."""
    raw = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    dimensions = [_number(1, size) for size in values.shape]
    return b"".join([*dimensions, _number(2, _ELEMENTS[values.dtype.name]), _text(8, name), _block(9, raw)])


def value(name: str, element: int, shape: Iterable[str | int]) -> bytes:
    """A ValueInfoProto: an input or output; a dimension that is a name may have any size."""
    sizes = [_text(2, size) if isinstance(size, str) else _number(1, size) for size in shape]
    dimensions = b"".join(_block(1, size) for size in sizes)
    kind = _number(1, element) + _block(2, dimensions)
    return _text(1, name) + _block(2, _block(1, kind))


def model(
    name: str,
    nodes: Iterable[bytes],
    constants: Iterable[bytes],
    *,
    given: bytes,
    result: bytes,
    ir_version: int,
    operators: Mapping[str, int],
) -> bytes:
    """A ModelProto with one input and one output. ``operators`` are the versions of the operator sets, by domain."""
    graph = [_block(1, item) for item in nodes]
    graph += [_text(2, name), *(_block(5, item) for item in constants), _block(11, given), _block(12, result)]
    sets = [_block(8, _text(1, domain) + _number(2, version)) for domain, version in operators.items()]
    return b"".join([_number(1, ir_version), _text(2, "aver"), _block(7, b"".join(graph)), *sets])


def _attribute(name: str, given: float | Sequence[int]) -> bytes:
    if isinstance(given, int):
        held, kind = _number(3, given), _ATTRIBUTE_INT
    elif isinstance(given, float):
        held, kind = _key(2, 5) + struct.pack("<f", given), _ATTRIBUTE_FLOAT
    else:
        held, kind = b"".join(_number(8, item) for item in given), _ATTRIBUTE_INTS
    return _text(1, name) + held + _number(20, kind)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _number(field: int, number: int) -> bytes:
    return _key(field, 0) + _varint(number)


def _text(field: int, text: str) -> bytes:
    return _block(field, text.encode()) if text else b""


def _block(field: int, content: bytes) -> bytes:
    return _key(field, 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number is its two's complement of 64 bits."""
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
