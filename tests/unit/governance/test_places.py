"""What the settings declare of places outside, and what an anchor in a file survives."""

from __future__ import annotations

import json
import threading

import pytest

from aver.core.errors import SettingsError, VerificationFailed
from aver.core.settings import AnchorSettings, Settings
from aver.governance.anchors.adapters.file import FilePlace
from aver.governance.anchors.der import encoded, integer, sequence
from aver.governance.anchors.service import Anchors
from aver.governance.anchors.timestamps import token_of, verified
from aver.governance.proof.der import read_der
from tests.governance import Governed
from tests.servers import open_application

FILE = """
anchors:
  every: 600
  file: /mnt/elsewhere/states.jsonl
  s3: {bucket: audit, endpoint: https://s3.example.org, key_id: env:KEY, secret_key: env:SECRET, days: 90, mode: GOVERNANCE}
  timestamp: {url: https://tsa.example.org, roots: tsa.pem}
  witness: {url: https://witness.example.org, key: KEY}
""".replace("key: KEY", f"key: '{'ab' * 32}'")


def test_every_place_can_be_declared(tmp_path):
    found = Settings.load(file=FILE).anchors
    assert (found.every, found.s3.days, found.s3.mode, found.s3.region) == (600, 90, "GOVERNANCE", "us-east-1")
    application = open_application(Settings(data=tmp_path / "data", anchors=found))
    application.store.create_tenant("acme")
    assert application.tenant("acme").anchors.kinds == ("file", "s3", "timestamp", "witness")
    application.close()
    assert Settings.load(environment={"AVER_ANCHORS_FILE": "x"}).anchors.file.name == "x"
    assert Settings.load().anchors == AnchorSettings()


@pytest.mark.parametrize(
    "text",
    [
        "anchors: {s3: {bucket: audit}}",
        "anchors: {timestamp: {url: 'https://tsa.example.org'}}",
        "anchors: {witness: {url: 'https://w.example.org', key: short}}",
        "anchors: {witness: {url: 'https://w.example.org'}}",
        "anchors: {every: 0}",
        "anchors: {s3: {bucket: audit, endpoint: 'https://s3.example.org', key_id: AKIA, secret_key: hush}}",
        "anchors: {files: x}",
    ],
)
def test_a_place_that_is_declared_in_part_is_a_mistake(text):
    with pytest.raises(SettingsError):
        Settings.load(file=text)


def test_a_file_is_only_added_to(tmp_path):
    tenant, place = Governed(tmp_path), FilePlace(tmp_path / "states.jsonl")
    tenant.turns(1)
    statement = Anchors(tenant.store, tenant.ledger, tenant.clock, [place]).anchor()[0].statement
    threads = [threading.Thread(target=place.put, args=(statement, lambda _: ())) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    lines = place.path.read_bytes().splitlines()
    assert [json.loads(each) for each in lines] == [statement] * 9
    assert len(place.found(tenant.store.tenant.id, ())) == 9
    assert not place.found("another", ())
    place.path.write_bytes(lines[0] + b"\n{\n")
    with pytest.raises(VerificationFailed, match="Line 2"):
        place.found(tenant.store.tenant.id, ())
    tenant.close()


def test_answers_that_are_none_are_refused():
    refused = sequence(sequence(integer(2)))
    for answer in (
        b"",
        b"\x30",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80",
        b"noise" * 50,
        refused,
        encoded(0x30, b"\x02"),
    ):
        with pytest.raises(VerificationFailed):
            verified(token_of(answer), b"\0" * 32, ())
    assert read_der(encoded(0x30, b"")).parts == []
    for number in (0, 1, 127, 128, 255, 256, 2**64 - 1):
        assert read_der(integer(number)).number == number
    assert read_der(encoded(0x04, b"x" * 70_000)).body == b"x" * 70_000
