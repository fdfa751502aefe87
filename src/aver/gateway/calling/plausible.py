"""Whether the tokens that a provider reports can be right, and how many there are when it reports none."""

from __future__ import annotations

from dataclasses import replace

from aver.gateway.types import Usage

__all__ = ["estimate", "plausible"]

_BYTES_PER_TOKEN = 4
"""Of English text under the tokenizers in use (https://platform.openai.com/tokenizer), for estimates only."""
_LONGEST_TOKEN = 32
"""Bytes. Tokens of 128 spaces exist; no text of any length is made of them alone."""
_AROUND = 2048
"""Tokens that a provider may add of its own: a template around each message, instructions for tools."""
_THOUGHTS = 200_000
"""Tokens that a model may have thought without showing it."""


def estimate(read: int, written: int) -> Usage:
    """For ``read`` and ``written`` bytes of text."""
    return Usage(-(-read // _BYTES_PER_TOKEN), -(-written // _BYTES_PER_TOKEN), None, estimated=True)


def plausible(reported: Usage, read: int, read_most: int, written: int) -> tuple[Usage, str]:
    """``reported`` where it can be, else what is likely, and then what it said.

    ``read`` bytes were sent, which are ``read_most`` tokens at most; ``written`` bytes came back. No text has fewer tokens than a
    thirty-second of its bytes; none has more than its bytes, though what is added around it and thoughts that are not shown count too.
    """
    likely = estimate(read, written)
    input_tokens, output_tokens = reported.input_tokens, reported.output_tokens
    if not read // _LONGEST_TOKEN <= input_tokens <= 2 * read_most + _AROUND:
        input_tokens = likely.input_tokens
    if not written // _LONGEST_TOKEN <= output_tokens <= written + max(_THOUGHTS, reported.reasoning_tokens):
        output_tokens = likely.output_tokens
    if (input_tokens, output_tokens) == (reported.input_tokens, reported.output_tokens):
        return reported, ""
    said = f"input={reported.input_tokens},output={reported.output_tokens}"
    return replace(
        reported,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        estimated=True,
        cached_tokens=min(reported.cached_tokens, input_tokens),
        cache_write_tokens=min(reported.cache_write_tokens, input_tokens),
        cache_write_long_tokens=min(reported.cache_write_long_tokens, input_tokens),
        reasoning_tokens=min(reported.reasoning_tokens, output_tokens),
    ), said
