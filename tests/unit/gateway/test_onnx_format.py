"""What is written is what the onnx package reads."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from aver.gateway.adapters import onnx_format


@pytest.mark.parametrize(
    "values",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array([-128, 0, 127], np.int8),
        np.array([-1, 3, 2**40], np.int64),
        np.array([[0.5], [65504.0]], np.float16),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
    ],
)
def test_a_tensor_reads_back(values):
    read = onnx.TensorProto.FromString(onnx_format.tensor("constant", values))
    assert read.name == "constant"
    assert numpy_helper.to_array(read).dtype == values.dtype
    np.testing.assert_array_equal(numpy_helper.to_array(read), values)


def test_a_node_is_the_one_the_package_makes():
    given = {"axis": -1, "epsilon": 1e-12, "perm": [1, 2, 0]}
    read = onnx.NodeProto.FromString(onnx_format.node("Op", ["a", "b"], ["c"], given, "com.microsoft"))
    made = helper.make_node("Op", ["a", "b"], ["c"], domain="com.microsoft", **given)
    assert read == made


def test_a_model_passes_the_packages_own_check():
    written = onnx_format.model(
        "sum",
        [onnx_format.node("Add", ["x", "one"], ["y"], {})],
        [onnx_format.tensor("one", np.ones(2, np.float32))],
        given=onnx_format.value("x", onnx_format.FLOAT, ["n", 2]),
        result=onnx_format.value("y", onnx_format.FLOAT, ["n", 2]),
        ir_version=10,
        operators={"": 20},
    )
    read = onnx.load_model_from_string(written)
    onnx.checker.check_model(read, full_check=True)
    assert [
        dimension.dim_param or dimension.dim_value for dimension in read.graph.input[0].type.tensor_type.shape.dim
    ] == ["n", 2]
    assert (read.opset_import[0].domain, read.opset_import[0].version) == ("", 20)
