"""A caller's trace is read as W3C's specification says, and whatever else is sent says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.traceparent import read_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"


def read(*values):
    return read_traceparent([(b"host", b"aver"), *((b"traceparent", value.encode("latin-1")) for value in values)])


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (GIVEN, GIVEN),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"00-{TRACE}-{SPAN}-03", GIVEN),  # also random
        (f"00-{TRACE}-{SPAN}-fe", f"00-{TRACE}-{SPAN}-00"),
        (f" {GIVEN}\t", GIVEN),
        (f"cc-{TRACE}-{SPAN}-01", GIVEN),
        (f"01-{TRACE}-{SPAN}-01-what-the-future-will-be-like", GIVEN),
    ],
)
def test_a_trace_is_read(value, meant):
    assert read(value) == meant


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-",
        f"00-{TRACE}-{SPAN}-1",
        f"{GIVEN}-",
        f"{GIVEN}-more",
        f"{GIVEN}.",
        f"{GIVEN}{'0' * 10_000}",
        f"01-{TRACE}-{SPAN}-01.more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"0x-{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE[:-1]}.-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"{GIVEN},{GIVEN}",
        f"{GIVEN}\x00",
        "00-" + "\xb2" * 32 + f"-{SPAN}-01",
    ],
)
def test_what_is_no_trace_says_nothing(value):
    assert read(value) == ""


def test_of_two_neither_counts():
    assert read(GIVEN, GIVEN) == ""
    assert read() == ""


@given(st.lists(st.tuples(st.just(b"traceparent") | st.binary(max_size=12), st.binary(max_size=80)), max_size=3))
def test_nothing_that_is_sent_is_an_error(headers):
    assert read_traceparent(headers) == "" or len(read_traceparent(headers)) == 55
