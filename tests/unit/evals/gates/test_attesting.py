"""A verdict signed, opened and believed only as far as its signature goes."""

import json
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aver.core.errors import InvalidInput, VerificationFailed
from aver.evals.gates.attesting import PREDICATE, attestation, attested
from aver.evals.gates.declaration import parse_condition
from aver.evals.gates.judging import Trial, judge
from aver.evals.gates.sheet import sheet_of
from aver.evidence.dsse import opened, sealed
from tests.runs import made, results, write_run

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CONDITIONS = [parse_condition("right_of_answered>=0.8"), parse_condition("right_of_answered>=0.999")]


def said(tmp_path, **header):
    run = write_run(tmp_path / "handbook.run.jsonl", results(made(1, 100)), responses=False, **header)
    verdict = judge(CONDITIONS, [Trial("handbook", sheet_of(run))])
    return attestation(verdict, CONDITIONS, {run.path: run.header}, {run.path: "f" * 64})


def test_a_statement_is_a_test_result_about_the_release(tmp_path):
    found = said(tmp_path)
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == PREDICATE
    assert found["subject"] == [{"name": "release", "digest": {"sha256": "b" * 64}}]
    predicate = found["predicate"]
    assert predicate["result"] == "WARNED"
    assert predicate["passedTests"] == ["handbook: right_of_answered>=0.8"]
    assert predicate["warnedTests"] == ["handbook: right_of_answered>=0.999"]
    assert predicate["failedTests"] == []
    names = {each["name"]: each["digest"]["sha256"] for each in predicate["configuration"]}
    assert names["handbook.jsonl"] == "d" * 64
    assert names["handbook.run.jsonl"] == "f" * 64
    assert len(names["gate"]) == 64


def test_what_has_no_release_is_about_its_target(tmp_path):
    assert said(tmp_path, release="")["subject"] == [{"name": "assistant", "digest": {"sha256": "a" * 64}}]


def test_what_says_nothing_of_itself_is_not_attested(tmp_path):
    with pytest.raises(InvalidInput, match="does not say which release"):
        said(tmp_path, release="", target_digest="")


def test_it_goes_round_and_no_byte_of_it_may_change(tmp_path):
    envelope = sealed(said(tmp_path), KEY)
    found = attested(opened(json.dumps(envelope).encode(), KEY.public_key()))
    assert found.outcome == "inconclusive"
    assert found.subjects == {"release": "b" * 64}
    payload = bytearray(b64decode(envelope["payload"]))
    for place in range(0, len(payload), 37):
        changed = payload.copy()
        changed[place] ^= 1
        altered = json.dumps({**envelope, "payload": b64encode(changed).decode()}).encode()
        with pytest.raises(VerificationFailed, match="not signed by the key"):
            opened(altered, KEY.public_key())
    with pytest.raises(VerificationFailed, match="not signed by the key"):
        opened(json.dumps(envelope).encode(), Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize(
    "change",
    [
        {"predicateType": "https://slsa.dev/provenance/v1"},
        {"predicate": {}},
        {"predicate": {"result": "GREAT", "configuration": []}},
        {"predicate": []},
        {"subject": [{"name": "x"}]},
        {"subject": None},
    ],
)
def test_a_signed_statement_about_something_else_is_refused(tmp_path, change):
    with pytest.raises(VerificationFailed, match="no test result"):
        attested(json.loads(json.dumps({**said(tmp_path), **change})))
