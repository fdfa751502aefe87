"""A history that was rewritten is found by each kind of place, all of them real."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace

import pytest
import uvicorn

from aver.core import SystemClock
from aver.core.errors import InvalidInput, SettingsError, Unavailable, VerificationFailed
from aver.core.settings import AnchorSettings, Settings
from aver.gateway.credentials.sigv4 import AwsCredentials
from aver.governance.anchors.adapters.file import FilePlace
from aver.governance.anchors.adapters.s3 import S3Place
from aver.governance.anchors.adapters.timestamp import TimestampPlace
from aver.governance.anchors.adapters.witness import WitnessPlace
from aver.governance.anchors.service import Anchors
from aver.governance.anchors.witness import Witness, log_of
from aver.governance.controls.reading import find, plain_frameworks
from aver.governance.packs.service import Packs
from aver.governance.proof.terms import Bad
from aver.governance.proof.tree import consistent
from aver.governance.proof.verifier import verify
from aver.server.http.witness import witness_app
from tests.governance import Governed, verified
from tests.object_stores import S3
from tests.operations import turn
from tests.servers import open_application, serving
from tests.tsa import Tsa, authority


class Witnessing:
    """A witness that is served."""

    def __init__(self, folder):
        self.witness = Witness(folder, SystemClock())
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(witness_app(self.witness), log_config=None))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "tsa").mkdir()
    with S3() as s3, Tsa(folder / "tsa") as tsa, Witnessing(folder / "witness") as witness:
        s3.client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        yield folder, s3, tsa, witness


@pytest.fixture
def tenant(tmp_path):
    found = Governed(tmp_path)
    found.turns(5)
    yield found
    found.close()


def places(tenant, outside):
    folder, s3, tsa, witness = outside
    keys = AwsCredentials("AKIAIOSFODNN7EXAMPLE", "hush")
    owner = lambda: tenant.store.signing_key().public_key().public_bytes_raw()  # noqa: E731
    return {
        "file": FilePlace(folder / "states.jsonl"),
        "s3": S3Place("locked", "us-east-1", s3.url, "aver", 30, "COMPLIANCE", lambda: keys, SystemClock()),
        "timestamp": TimestampPlace(tsa.url, tsa.roots),
        "witness": WitnessPlace(witness.url, witness.witness.key, owner),
    }


def anchors(tenant, outside, *kinds):
    known = places(tenant, outside)
    return Anchors(tenant.store, tenant.ledger, tenant.clock, [known[kind] for kind in kinds or known])


def test_every_place_is_told_and_holds(tenant, outside):
    known = anchors(tenant, outside)
    made = known.anchor()
    assert [(each.kind, each.problem) for each in made] == [
        (kind, "") for kind in ("file", "s3", "timestamp", "witness")
    ]
    tenant.turns(3)
    assert not any(each.problem for each in known.anchor())
    findings = known.check()
    assert [(each.kind, each.ok, each.states) for each in findings] == [
        ("file", True, 2),
        ("s3", True, 2),
        ("timestamp", True, 2),
        ("witness", True, 3),
    ]
    kinds = [step.facts["place"] for step in tenant.ledger.of_kind("anchored")]
    assert kinds == ["file", "s3", "timestamp", "witness"] * 2
    assert tenant.ledger.verify().ok


@pytest.mark.parametrize("kind", ["file", "s3", "timestamp", "witness"])
def test_a_rewritten_history_is_found(tenant, outside, kind):
    """It verifies by itself: whoever wrote it has the keys."""
    known = anchors(tenant, outside, kind)
    assert not known.anchor(kind)[0].problem
    tenant.turns(3)
    tenant.rewrite(7)
    assert tenant.ledger.verify().ok
    finding = known.check()[0]
    assert not finding.ok
    assert "rewritten" in finding.bad[0]


@pytest.mark.parametrize("kind", ["file", "s3", "witness"])
def test_it_is_found_though_the_table_of_anchors_is_emptied(tenant, outside, kind):
    from aver.governance.anchors.store import anchors as table

    known = anchors(tenant, outside, kind)
    known.anchor()
    tenant.rewrite(7)
    with tenant.store.begin() as tx:
        tx.execute(table.delete())
    finding = known.check()[0]
    assert not finding.ok
    assert "rewritten" in finding.bad[0]


def test_the_witness_does_not_cosign_a_rewritten_history(tenant, outside):
    known = anchors(tenant, outside, "witness")
    known.anchor()
    tenant.turns(3)
    tenant.rewrite(7)
    assert "did not grow out of" in known.anchor()[0].problem
    assert [step.facts["outcome"] for step in tenant.ledger.of_kind("anchored")][-1] == "failed"


def test_the_witness_looks_at_what_it_is_sent(tenant, outside):
    witness = outside[3].witness
    known = anchors(tenant, outside, "witness")
    statement, key = known.anchor()[0].statement, tenant.store.signing_key().public_key().public_bytes_raw().hex()
    log = log_of(tenant.store.tenant.id, key)
    told = {"key": key, "path": [], "statement": dict(statement)}
    assert witness.cosign(log, told)["cosigned"]["seq"] == statement["anchor"]["seq"]  # said again, it stays
    forged = {**told, "statement": {**statement, "anchor": {**statement["anchor"], "seq": 10_000}}}
    with pytest.raises(VerificationFailed):
        witness.cosign(log, forged)
    for broken in (None, {}, [1], {**told, "path": ["zz"]}, {**told, "key": 7}, {**told, "path": ["00" * 32] * 500}):
        with pytest.raises(InvalidInput):
            witness.cosign(log, broken)
    with pytest.raises(InvalidInput):
        witness.cosign("0" * 64, told)
    request = urllib.request.Request(f"{outside[3].url}/v1/heads/{log}", data=b"x" * 100_000, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 413


def test_a_locked_object_cannot_be_taken_away(tenant, outside):
    s3 = outside[1].client
    known = anchors(tenant, outside, "s3")
    receipt = known.anchor()[0].receipt
    key = receipt["place"].removeprefix("s3://locked/")
    kept = s3.head_object(Bucket="locked", Key=key, VersionId=receipt["version"])
    assert kept["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(s3.exceptions.ClientError):
        s3.delete_object(Bucket="locked", Key=key, VersionId=receipt["version"])
    s3.put_object(Bucket="locked", Key=key, Body=b"{}")  # a later version does not stand in for it
    assert known.check()[0].ok
    s3.create_bucket(Bucket="open")
    open_bucket = replace(places(tenant, outside)["s3"], bucket="no-such-bucket")
    with pytest.raises(SettingsError):
        open_bucket.put(known.recent(1)[0].statement, lambda _: ())


def test_tokens_are_verified_to_their_root(tenant, outside, tmp_path):
    tsa = outside[2]
    place = places(tenant, outside)["timestamp"]
    statement = anchors(tenant, outside, "timestamp").anchor()[0].statement
    authority(tmp_path, "other")
    with pytest.raises(VerificationFailed, match="no certificate that is trusted"):
        replace(place, roots=tmp_path / "other.pem").put(statement, lambda _: ())
    whole = tsa.reply(_query(statement))
    try:
        said, refused = place.put(statement, lambda _: ()), 0
        for at in range(40, len(whole), 61):
            tsa.mangle = lambda answer, at=at: answer[:at] + bytes([answer[at] ^ 4]) + answer[at + 1 :]
            try:
                # What is not signed, such as a certificate that is not needed, may change: what is said may not.
                assert place.put(statement, lambda _: ()).keys() == said.keys()
            except (VerificationFailed, Unavailable):
                refused += 1
        assert refused > 20
        tsa.mangle = lambda _: whole  # an answer to another question, replayed
        with pytest.raises(VerificationFailed, match="another question"):
            place.put(statement, lambda _: ())
    finally:
        tsa.mangle = lambda answer: answer
    # OpenSSL agrees.
    import base64

    token = tmp_path / "token"
    token.write_bytes(base64.b64decode(place.put(statement, lambda _: ())["token"]))
    command = [
        "openssl",
        "ts",
        "-verify",
        "-token_in",
        "-in",
        token,
        "-digest",
        _digest(statement).hex(),
        "-CAfile",
        tsa.roots,
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_certificate_for_something_else_is_no_authority(tenant, tmp_path):
    from aver.governance.anchors.timestamps import request, token_of
    from aver.governance.anchors.timestamps import verified as token_verified

    tsa = Tsa(tmp_path, purpose=False)
    tsa._server.server_close()
    try:
        answer = tsa.reply(request(b"\0" * 32)[0])
    except subprocess.CalledProcessError:  # OpenSSL does not even sign with it
        return
    with pytest.raises(VerificationFailed):
        token_verified(token_of(answer), b"\0" * 32, ())


def test_places_that_do_not_answer_are_on_record(tenant, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = [
        FilePlace(tmp_path / "no" / "folder" / "file"),
        TimestampPlace(f"http://127.0.0.1:{port}", tmp_path / "none.pem"),
    ]
    known = Anchors(tenant.store, tenant.ledger, tenant.clock, gone)
    made = known.anchor()
    assert all(each.problem for each in made)
    assert not known.between(0, 10**6)
    with pytest.raises(InvalidInput):
        known.anchor("s3")


def test_it_is_due_when_something_happened_and_time_has_passed(tenant, tmp_path):
    known = Anchors(tenant.store, tenant.ledger, tenant.clock, [FilePlace(tmp_path / "states")])
    assert known.due(3600)
    known.anchor()
    tenant.clock.advance(7200)
    assert not known.due(3600)  # nothing but the anchor itself
    tenant.turns(1)
    assert known.due(3600)
    assert not known.due(10**6)


def test_a_pack_carries_anchors_and_fails_with_those_of_another_history(tenant, outside, tmp_path):
    known = anchors(tenant, outside)
    known.anchor()
    tenant.turns(4)
    known.anchor()
    since, until = tenant.start, tenant.clock.now()
    tenant.turns(1)
    known.anchor("witness")  # after the period: what comes later vouches for it too
    packs = Packs(tenant.store, tenant.ledger, tenant.clock, known)
    made = packs.make(tmp_path / "pack.zip", since=since, until=until, frameworks=plain_frameworks(find(["soc2"])))
    code, told = verified(made.file, "--key", made.fingerprint)
    assert (code, told["ok"]) == (0, True), told
    assert told["anchors"] == 9
    assert any("witness" in note for note in told["notes"])
    tenant.rewrite(7)
    forged = packs.make(tmp_path / "forged.zip", since=since, until=until, frameworks=plain_frameworks(find(["soc2"])))
    with pytest.raises(Bad, match=r"another history|does not grow"):
        verify(forged.file)


def test_proofs_are_small_and_hold(tenant, outside):
    known = anchors(tenant, outside)
    for first in (1, 2, 7, 8, 31):
        proof = known.prove(first)
        assert consistent(first, proof["from_root"], proof["to"], proof["to_root"], proof["path"])
        assert len(proof["path"]) <= 12
        for other in (first + 1, first - 1):
            assert not consistent(other, proof["from_root"], proof["to"], proof["to_root"], proof["path"]) or other == 0
    with pytest.raises(InvalidInput):
        known.prove(10**9)


def test_a_server_anchors_by_itself(tmp_path):
    states = tmp_path / "states.jsonl"
    settings = Settings(data=tmp_path / "data", anchors=AnchorSettings(every=0.1, file=states))
    application = open_application(settings)
    application.store.create_tenant("acme")
    application.store.create_tenant("empty")
    services = application.tenant("acme")
    with services.store.begin() as tx:
        services.ledger.append_all(tx, turn())
    with serving(application):
        deadline = time.monotonic() + 30
        while not (states.exists() and states.read_bytes()) and time.monotonic() < deadline:
            time.sleep(0.05)
    application.close()
    assert len(states.read_text().splitlines()) == 1  # an anchor is nothing new to anchor


def test_the_program(tmp_path):
    """``aver witness`` says where it listens, and its key."""
    command = [sys.executable, "-m", "aver", "witness", "--folder", str(tmp_path / "w"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().split()[-1]
            key = process.stdout.readline().split()[-1]
            with urllib.request.urlopen(f"{address}/v1/key") as answer:
                assert json.load(answer) == {"key": key}
        finally:
            process.terminate()


def _query(statement):
    from aver.governance.anchors.timestamps import request

    return request(_digest(statement))[0]


def _digest(statement):
    import hashlib

    from aver.core import canonical_json

    return hashlib.sha256(canonical_json(dict(statement))).digest()
