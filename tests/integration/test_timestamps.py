"""Tokens of a real authority, read by the program that travels with packs: each kind of key, each byte, and what is trusted."""

from __future__ import annotations

import hashlib
import random
import subprocess
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from aver.core.errors import VerificationFailed
from aver.governance.anchors.adapters.timestamp import TimestampPlace
from aver.governance.anchors.service import Anchors
from aver.governance.anchors.timestamps import request, token_of
from aver.governance.controls.reading import find, plain_frameworks
from aver.governance.packs.service import Packs
from aver.governance.proof.signatures import CURVES, signed_by_ecdsa, signed_by_rsa
from aver.governance.proof.terms import Bad
from aver.governance.proof.timestamp import certificates_in, stamped
from aver.governance.proof.verifier import verify
from tests.governance import Governed, verified
from tests.tsa import Tsa, authority

DIGEST = hashlib.sha256(b"a state").digest()
KINDS = {
    "rsa": (None, "sha256"),
    "bare": (None, "sha256"),
    "rsa-384": (None, "sha384"),
    "rsa-512": (None, "sha512"),
    "p-256": (ec.SECP256R1(), "sha256"),
    "p-384": (ec.SECP384R1(), "sha384"),
    "p-384-512": (ec.SECP384R1(), "sha512"),
}


class Stamping:
    """An authority with this kind of key, and a token of it."""

    def __init__(self, folder, kind):
        curve, digest = KINDS[kind]
        self.tsa = Tsa(folder, curve=curve, digest=digest, with_root=kind != "bare")
        self.token = token_of(self.tsa.reply(request(DIGEST)[0]))
        self.root = certificates_in(self.tsa.roots.read_bytes())[0]


@pytest.fixture(scope="module")
def stamping(tmp_path_factory):
    made = {}

    def of(kind):
        if kind not in made:
            made[kind] = Stamping(tmp_path_factory.mktemp(kind), kind)
        return made[kind]

    yield of
    for each in made.values():
        each.tsa.close()


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_of_each_kind_of_key_hold(stamping, kind):
    found = stamping(kind)
    told = stamped(found.token, DIGEST)
    assert told.vouching is None
    assert abs(told.at - datetime.now(UTC)) < timedelta(hours=1)
    pem = (found.tsa.folder / "tsa.pem").read_bytes()
    assert certificates_in(pem) == [told.signer]
    assert stamped(found.token, DIGEST, [found.root]).vouching == found.root
    assert stamped(found.token, DIGEST, [told.signer]).vouching == told.signer
    with pytest.raises(Bad, match="something else"):
        stamped(found.token, hashlib.sha256(b"another").digest())
    # OpenSSL agrees.
    (found.tsa.folder / "token").write_bytes(found.token)
    command = ["openssl", "ts", "-verify", "-token_in", "-in", found.tsa.folder / "token", "-digest", DIGEST.hex()]
    subprocess.run([*command, "-CAfile", found.tsa.roots], capture_output=True, check=True)


def test_each_byte_counts(stamping):
    """Of the token, of the certificates in it, and of the one that is trusted."""
    found, chance = stamping("bare"), random.Random(7)
    for place in range(len(found.token)):
        with pytest.raises(Bad):
            stamped(_flipped(found.token, place, chance), DIGEST)
    found = stamping("rsa")
    # A root whose issuer's name is changed says that another issued it, of whom nothing is known: the name is all that is left out.
    begin, name = found.token.index(found.root), _issuer_in(found.root)
    places = [place for place in range(len(found.root)) if place not in name]
    for place in places:
        with pytest.raises(Bad):
            stamped(_flipped(found.token, begin + place, chance), DIGEST)
    for kind in ("p-256", "p-384"):
        token = stamping(kind).token
        beside = token.index(stamping(kind).root)
        for place in chance.sample([*range(beside), *range(beside + len(stamping(kind).root), len(token))], 60):
            with pytest.raises(Bad):
                stamped(_flipped(token, place, chance), DIGEST)
    for place in chance.sample(places, 100):
        with pytest.raises(Bad):
            stamped(found.token, DIGEST, certificates_in(_flipped(found.root, place, chance)))
    for length in range(0, len(found.token), 97):
        with pytest.raises(Bad):
            stamped(found.token[:length], DIGEST)
    with pytest.raises(Bad):
        stamped(found.token + b"\0", DIGEST)


def _flipped(data, place, chance):
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _issuer_in(certificate):
    """Where the issuer's name is in a certificate."""
    name = x509.load_der_x509_certificate(certificate).issuer.public_bytes()
    return range(begin := certificate.index(name), begin + len(name))


def test_only_what_is_trusted_vouches(stamping, tmp_path):
    found = stamping("rsa")
    other, _ = authority(tmp_path, "other")
    with pytest.raises(Bad, match="no certificate that is trusted"):
        stamped(found.token, DIGEST, [other.public_bytes(Encoding.DER)])
    assert stamped(found.token, DIGEST, [other.public_bytes(Encoding.DER), found.root]).vouching == found.root
    for wrong in (b"", b"noise", b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----", b"\x30\x03\2\1\1"):
        with pytest.raises((Bad, ValueError)):
            certificates_in(wrong)


def test_a_certificate_for_something_else_signs_no_timestamps(stamping):
    """Signed anew by the same key under a certificate that is for mail: OpenSSL itself does not make such tokens."""
    found = stamping("rsa")
    mail = found.tsa.signer(purpose=False)
    token = found.token.replace(stamped(found.token, DIGEST).signer, mail.public_bytes(Encoding.DER))
    with pytest.raises(Bad):
        stamped(token, DIGEST)


def test_signatures_are_those_of_the_library():
    message, chance = b"what is signed", random.Random(3)
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    for name, algorithm in (("sha256", hashes.SHA256()), ("sha384", hashes.SHA384()), ("sha512", hashes.SHA512())):
        signature = key.sign(message, padding.PKCS1v15(), algorithm)
        assert signed_by_rsa(numbers.n, numbers.e, name, message, signature)
        assert not signed_by_rsa(numbers.n, numbers.e, name, message + b"x", signature)
        above = (int.from_bytes(signature, "big") + numbers.n).to_bytes(257, "big")
        for wrong in (above, above[1:], signature[1:], b"", b"\0" * 256, b"\0" * 255 + b"\1"):
            assert not signed_by_rsa(numbers.n, numbers.e, name, message, wrong)
        for curve, plain in ((ec.SECP256R1(), "1.2.840.10045.3.1.7"), (ec.SECP384R1(), "1.3.132.0.34")):
            mine = ec.generate_private_key(curve)
            public, own = mine.public_key().public_numbers(), CURVES[plain]
            r, s = decode_dss_signature(mine.sign(message, ec.ECDSA(algorithm)))
            assert signed_by_ecdsa(own, public.x, public.y, name, message, r, s)
            for x, y, a, b in (
                (public.x, public.y, r ^ 1 << chance.randrange(200), s),
                (public.x, public.y, r, s ^ 1 << chance.randrange(200)),
                (public.x, public.y, r, s + own.n),
                (public.x, public.y, 0, s),
                (public.x, public.y, r, 0),
                (public.x, public.y ^ 1, r, s),
                (public.x, own.p - public.y, r, s),
                (0, 0, r, s),
            ):
                assert not signed_by_ecdsa(own, x, y, name, message, a, b)
            assert not signed_by_ecdsa(own, public.x, public.y, name, message + b"x", r, s)
    # Under an exponent of one, every message would be signed by what it is padded to.
    told = b"\0\1" + b"\xff" * 202 + b"\0" + bytes.fromhex("3031300d060960864801650304020105000420")
    assert not signed_by_rsa(numbers.n, 1, "sha256", message, told + hashlib.sha256(message).digest())


def test_packs_are_verified_with_their_timestamps(tmp_path):
    """By the program that travels, in a process that cannot find Aver: with and without a certificate from elsewhere."""
    tenant = Governed(tmp_path)
    tenant.turns(3)
    with Tsa(tmp_path) as tsa:
        place = TimestampPlace(tsa.url, tsa.roots)
        known = Anchors(tenant.store, tenant.ledger, tenant.clock, [place])
        assert not known.anchor()[0].problem
        tenant.turns(1)
        packs = Packs(tenant.store, tenant.ledger, tenant.clock, known)
        period = {"since": tenant.start, "until": tenant.clock.now(), "frameworks": plain_frameworks(find(["soc2"]))}
        pack = packs.make(tmp_path / "pack.zip", **period)
        code, told = verified(pack.file, "--key", pack.fingerprint)
        signer = x509.load_pem_x509_certificate((tmp_path / "tsa.pem").read_bytes())
        assert (code, told["ok"]) == (0, True)
        assert [signer.fingerprint(hashes.SHA256()).hex() in note for note in told["notes"]] == [True]
        assert "--tsa-certificate" in told["notes"][0]
        for given in ("root.pem", "tsa.pem"):
            code, told = verified(pack.file, "--tsa-certificate", str(tmp_path / given))
            assert code == 0
            assert any("which you gave, vouches" in note for note in told["notes"])
        authority(tmp_path, "other")
        code, told = verified(pack.file, "--tsa-certificate", str(tmp_path / "other.pem"))
        assert (code, "no certificate that is trusted" in told["reason"]) == (1, True)
        _forged(tenant, packs, period, tmp_path)
        with pytest.raises(VerificationFailed):
            replace(place, roots=tmp_path / "other.pem").found("", known.recent(1))
    tenant.close()


def _forged(tenant, packs, period, folder):
    """Whoever holds the tenant's key signs what they like: the token stands by itself."""
    anchors = packs._anchors
    (anchor,) = anchors.recent(1)
    token = b64decode(anchor.receipt["token"])
    for changed in (
        {"token": b64encode(token[:-1] + bytes([token[-1] ^ 1])).decode()},
        {"at": "2020-01-01T00:00:00Z"},
        {"serial": "7"},
        {"token": anchor.receipt["token"] + "\n"},
    ):
        receipt = {**anchor.receipt, **changed}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(anchors, "between", lambda *_, receipt=receipt: [replace(anchor, receipt=receipt)])
            packs.make(folder / "forged.zip", **period)
        with pytest.raises(Bad, match=r"timestamp token|cannot be read"):
            verify(folder / "forged.zip")
