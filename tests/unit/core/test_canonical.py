import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core import canonical_json, sha256_hex

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def _typed(value):
    """``value`` such that equality tells 1, 1.0, True, -0.0 and 0.0 apart, as their JSON does."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    return type(value).__name__, repr(value)


@given(JSON, JSON)
def test_one_value_one_text(left, right):
    assert (canonical_json(left) == canonical_json(right)) == (_typed(left) == _typed(right))


@given(JSON)
def test_reads_back(value):
    assert _typed(json.loads(canonical_json(value).decode("utf-8", "surrogatepass"))) == _typed(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value):
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_refuses_what_json_cannot_hold(number):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": [number]})


@pytest.mark.parametrize("key", [1, None, True, 1.5])
def test_refuses_keys_that_are_not_text(key):
    with pytest.raises(ValueError, match="not text"):
        canonical_json({"a": {key: 1}})


def test_sha256_hex_is_the_published_digest_of_abc():
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
