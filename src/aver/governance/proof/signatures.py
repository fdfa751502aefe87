"""Signatures by RSA (PKCS #1 v1.5, RFC 8017, section 8.2.2) and ECDSA (P-256 and P-384, FIPS 186-5, section 6.4.2) in plain Python: some hundred a second."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

__all__ = ["CURVES", "Curve", "signed_by_ecdsa", "signed_by_rsa"]

_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before a digest (RFC 8017, section 9.2, note 1)."""


def signed_by_rsa(modulus: int, exponent: int, digest: str, message: bytes, signature: bytes) -> bool:
    """Whether the holder of this public key, of at least 2,048 bits, signed the ``digest`` of ``message``."""
    size = (modulus.bit_length() + 7) // 8
    if not 256 <= size <= 2048 or not 3 <= exponent < 2**64 or len(signature) != size:
        return False
    value = int.from_bytes(signature, "big")
    if value >= modulus:
        return False
    told = _DIGEST_INFO[digest] + hashlib.new(digest, message).digest()
    padded = b"\0\1" + b"\xff" * (size - len(told) - 3) + b"\0" + told
    return pow(value, exponent, modulus).to_bytes(size, "big") == padded


_Place = tuple[int, int] | None
"""A point of a curve; ``None`` is the one at infinity."""


class Curve(NamedTuple):
    """y² = x³ - 3x + b modulo p (NIST SP 800-186, section 3.2.1); (x, y) makes a group of n points."""

    p: int
    b: int
    x: int
    y: int
    n: int

    def has(self, x: int, y: int) -> bool:
        return x < self.p and y < self.p and (y * y - x * x * x + 3 * x - self.b) % self.p == 0

    def sum(self, one: _Place, other: _Place) -> _Place:
        if one is None or other is None:
            return one or other
        (x, y), (u, v) = one, other
        if x == u and (y + v) % self.p == 0:
            return None
        up, across = (3 * x * x - 3, 2 * y) if x == u else (v - y, u - x)
        slope = up * pow(across, -1, self.p)
        w = (slope * slope - x - u) % self.p
        return w, (slope * (x - w) - y) % self.p


CURVES = {
    "1.2.840.10045.3.1.7": Curve(  # P-256
        0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    "1.3.132.0.34": Curve(  # P-384
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
}
"""By their names in certificates (RFC 5480, section 2.1.1.1)."""


def signed_by_ecdsa(curve: Curve, x: int, y: int, digest: str, message: bytes, r: int, s: int) -> bool:
    """Whether the holder of the public key (x, y) signed the ``digest`` of ``message``."""
    if not curve.has(x, y) or not (0 < r < curve.n and 0 < s < curve.n):
        return False
    hashed = hashlib.new(digest, message).digest()
    value = int.from_bytes(hashed, "big") >> max(len(hashed) * 8 - curve.n.bit_length(), 0)
    inverse = pow(s, -1, curve.n)
    first, second = value * inverse % curve.n, r * inverse % curve.n
    base: _Place = (curve.x, curve.y)
    key: _Place = (x, y)
    both, found = curve.sum(base, key), None
    for bit in range(curve.n.bit_length() - 1, -1, -1):  # both multiples at once: [first]G + [second]Q
        found = curve.sum(found, found)
        bits = (first >> bit & 1, second >> bit & 1)
        if bits != (0, 0):
            found = curve.sum(found, both if bits == (1, 1) else base if bits[0] else key)
    return found is not None and found[0] % curve.n == r
