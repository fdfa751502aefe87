"""What the travelling verifier is made of, held against vectors and against other implementations."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from aver.core import canonical_json
from aver.evidence.keys import encrypt
from aver.evidence.record import StepRow
from aver.governance.anchors.prover import StepTree
from aver.governance.proof.aes_gcm import decrypted
from aver.governance.proof.ed25519 import signed
from aver.governance.proof.joined import joined
from aver.governance.proof.terms import Bad, canonical
from aver.governance.proof.tree import Frontier, consistent, leaf, node
from tests.governance import Governed


@given(st.binary(max_size=200), st.integers(0, 511))
def test_signatures_are_those_of_the_library(message, place):
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(message).digest())
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert signed(public, message, signature)
    assert not signed(public, message + b"x", signature)
    flipped = bytearray(signature)
    flipped[place // 8] ^= 1 << place % 8
    assert not signed(public, message, bytes(flipped))


def test_signatures_of_rfc_8032():
    """Section 7.1, test 3; and that a signature with S + L is refused, which would be a second one for the same message."""
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert signed(public, bytes.fromhex("af82"), signature)
    order = 2**252 + 27742317777372353535851937790883648493
    second = (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert not signed(public, bytes.fromhex("af82"), signature[:32] + second)
    for broken in (b"", signature[:63], signature + b"\0"):
        assert not signed(public, bytes.fromhex("af82"), broken)
    assert not signed(b"\xff" * 32, b"", signature)


@given(st.binary(max_size=70), st.binary(max_size=40), st.integers(0, 97))
def test_content_is_opened_as_by_the_library(plain, bound, place):
    key = hashlib.sha256(plain).digest()
    content = encrypt(key, plain, bound)
    assert decrypted(key, content, bound) == plain
    place %= len(content)
    changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    assert decrypted(key, changed, bound) is None
    assert decrypted(key, content, bound + b"x") is None
    assert decrypted(key[:16], content, bound) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_the_canonical_form_is_that_of_the_chain(value):
    assert canonical(value) == canonical_json(value)


@given(st.text(), st.text(), st.text())
def test_a_step_hashes_as_the_chain_has_it(turn, subject, facts):
    row = StepRow("tenant", 7, turn, "sealed", "2026-01-01T00:00:00Z", subject, facts, b"content", "0" * 64, "")
    record = {
        "at": row.at,
        "content": hashlib.sha256(b"content").hexdigest(),
        "facts": facts,
        "kind": "sealed",
        "prev": row.prev,
        "seq": 7,
        "subject": subject,
        "tenant": "tenant",
        "turn": turn,
        "version": 1,
    }
    assert hashlib.sha256(canonical(record)).hexdigest() == row.digest()


def whole(hashes):
    """RFC 9162, section 2.1.1, to the letter."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return leaf(hashes[0])
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return node(whole(hashes[:middle]), whole(hashes[middle:]))


@given(st.integers(0, 70))
def test_the_frontier_is_the_tree(size):
    hashes = [hashlib.sha256(bytes([n])).hexdigest() for n in range(size)]
    tree = Frontier()
    for each in hashes:
        tree.add(each)
    assert tree.root == whole(hashes).hex()
    assert Frontier(size, tree.parts).root == tree.root
    with pytest.raises(Bad):
        Frontier(size, [*tree.parts, "00" * 32])


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    found = Governed(tmp_path_factory.mktemp("chain"))
    found.turns(90)  # more than two blocks of the prover
    yield found
    found.close()


def test_proofs_hold_for_every_pair_and_for_no_other(chain):
    from aver.governance.anchors.prover import hashes_of

    size = chain.ledger.head().seq
    with chain.store.read() as tx:
        hashes = hashes_of(tx, chain.store.tenant.id, 1, size)
    tree = StepTree(chain.store, size)
    assert tree.root() == whole(hashes).hex()
    assert tree.head == hashes[-1]
    pairs = [
        (m, n)
        for n in (1, 2, 3, 8, 255, 256, 257, 300, 512, 513, size)
        for m in {1, 2, 7, n // 2, n - 1, n}
        if 0 < m <= n <= size
    ]
    for m, n in pairs:
        path, first, second = tree.consistency(m, n), tree.root(m), tree.root(n)
        assert first == whole(hashes[:m]).hex()
        assert Frontier(m, tree.parts(m)).root == first
        assert consistent(m, first, n, second, path), (m, n)
        assert not consistent(m, second, n, first, path) or m == n
        assert not consistent(m, hashlib.sha256(b"").hexdigest(), n, second, path)
        for number in range(len(path)):
            assert not consistent(m, first, n, second, [*path[:number], "00" * 32, *path[number + 1 :]])
            assert not consistent(m, first, n, second, path[:number])
        assert not consistent(m, first, n, second, [*path, "00" * 32])


def test_the_file_that_travels_is_whole(tmp_path):
    program = tmp_path / "aver-verify.py"
    program.write_text(joined())
    assert "aver." not in "".join(line for line in joined().splitlines() if line.startswith(("import", "from")))
    ran = subprocess.run([sys.executable, "-I", "-S", program, "--help"], capture_output=True, text=True, check=True)
    assert "usage: aver-verify.py" in ran.stdout
    ran = subprocess.run(
        [sys.executable, "-I", "-S", program, tmp_path / "none"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    (tmp_path / "noise").write_bytes(b"PK\5\6" + b"\0" * 18)
    ran = subprocess.run(
        [sys.executable, "-I", "-S", program, tmp_path / "noise"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (1, "")
