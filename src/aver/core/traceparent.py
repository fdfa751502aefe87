"""The header ``traceparent``: the trace that a caller is in, and where (https://www.w3.org/TR/trace-context/)."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["read_traceparent"]

_WRITTEN = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_SAMPLED = 1


def read_traceparent(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """What ``headers``, names in lower case, say of the caller's trace, as version 00 writes it and of the flags with ``sampled`` alone:
    ``00-TRACE-SPAN-01``. Empty where they say nothing, or what the specification has ignored: a header that comes twice, another form,
    zeros in place of ids, the version ``ff``. Of a version that is not known yet what version 00 has is read."""
    said = [value for name, value in headers if name == b"traceparent"]
    written = _WRITTEN.fullmatch(said[0].strip(b" \t")) if len(said) == 1 else None
    if written is None:
        return ""
    version, trace, span, flags, more = written.groups()
    if version == b"ff" or (version == b"00" and more is not None) or not trace.strip(b"0") or not span.strip(b"0"):
        return ""
    return f"00-{trace.decode()}-{span.decode()}-{int(flags, 16) & _SAMPLED:02x}"
