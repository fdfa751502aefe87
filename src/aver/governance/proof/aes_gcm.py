"""Decryption by AES-256-GCM in plain Python, as FIPS 197 and NIST SP 800-38D have it: for the content of a few steps, some ten thousand bytes a second."""

from __future__ import annotations

__all__ = ["decrypted"]

_POLYNOMIAL = 0xE1 << 120


def _boxes() -> bytes:
    """The S-box, by its definition: the inverse in GF(2^8), then an affine map (FIPS 197, section 5.1.1)."""
    box, p, q = bytearray(256), 1, 1
    while True:
        p = p ^ (p << 1) & 0xFF ^ (0x1B if p & 0x80 else 0)  # times 3
        for shift in (1, 2, 4):  # over 3
            q ^= q << shift & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = q
        for shift in (1, 2, 3, 4):
            turned ^= (q << shift | q >> 8 - shift) & 0xFF
        box[p] = turned ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    return bytes(box)


_BOX = _boxes()


def _twice(value: int) -> int:
    return (value << 1 ^ (0x1B if value & 0x80 else 0)) & 0xFF


_TWICE = bytes(_twice(each) for each in range(256))


def _round_keys(key: bytes) -> list[bytes]:
    words, once = [key[start : start + 4] for start in range(0, 32, 4)], 1
    while len(words) < 60:
        last = words[-1]
        if len(words) % 8 == 0:
            last = bytes(_BOX[each] for each in last[1:] + last[:1])
            last, once = bytes([last[0] ^ once]) + last[1:], _twice(once)
        elif len(words) % 8 == 4:
            last = bytes(_BOX[each] for each in last)
        words.append(bytes(a ^ b for a, b in zip(words[-8], last, strict=True)))
    return [b"".join(words[start : start + 4]) for start in range(0, 60, 4)]


_SHIFTED = [(place + 4 * (place % 4)) % 16 for place in range(16)]
"""Which byte comes to each place when rows are shifted; bytes stand column by column."""


def _block(keys: list[bytes], block: bytes) -> bytes:
    state = bytes(a ^ b for a, b in zip(block, keys[0], strict=True))
    for key in keys[1:-1]:
        moved = [_BOX[state[place]] for place in _SHIFTED]
        mixed = bytearray()
        for start in range(0, 16, 4):
            a, b, c, d = moved[start : start + 4]
            whole = a ^ b ^ c ^ d
            mixed += bytes(
                (
                    a ^ whole ^ _TWICE[a ^ b],
                    b ^ whole ^ _TWICE[b ^ c],
                    c ^ whole ^ _TWICE[c ^ d],
                    d ^ whole ^ _TWICE[d ^ a],
                )
            )
        state = bytes(x ^ y for x, y in zip(mixed, key, strict=True))
    return bytes(_BOX[state[place]] ^ keys[-1][number] for number, place in enumerate(_SHIFTED))


def _times(x: int, y: int) -> int:
    """In GF(2^128), bits reflected (SP 800-38D, section 6.3)."""
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (_POLYNOMIAL if y & 1 else 0)
    return product


def _hashed(subkey: int, bound: bytes, ciphertext: bytes) -> int:
    found = 0
    for data in (bound, ciphertext):
        for start in range(0, len(data), 16):
            found = _times(found ^ int.from_bytes(data[start : start + 16].ljust(16, b"\0"), "big"), subkey)
    return _times(found ^ (len(bound) * 8 << 64 | len(ciphertext) * 8), subkey)


def decrypted(key: bytes, content: bytes, bound: bytes) -> bytes | None:
    """What was encrypted under ``key``, 32 bytes, with ``bound`` as associated data. ``content`` is a nonce of 12 bytes, the ciphertext, and its tag of 16. ``None``
    where they do not belong together."""
    if len(key) != 32 or len(content) < 28:
        return None
    keys, nonce, ciphertext, tag = _round_keys(key), content[:12], content[12:-16], content[-16:]
    subkey = int.from_bytes(_block(keys, b"\0" * 16), "big")
    mask = int.from_bytes(_block(keys, nonce + b"\0\0\0\1"), "big")
    if (_hashed(subkey, bound, ciphertext) ^ mask).to_bytes(16, "big") != tag:
        return None
    found = bytearray()
    for number, start in enumerate(range(0, len(ciphertext), 16), 2):
        stream = _block(keys, nonce + number.to_bytes(4, "big"))
        found += bytes(a ^ b for a, b in zip(ciphertext[start : start + 16], stream, strict=False))
    return bytes(found)
