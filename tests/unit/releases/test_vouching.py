"""Provenance, signatures, bills of materials and archives: what other programs read, and what is not believed."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from aver.core import canonical_json, sha256_hex
from aver.core.errors import AverError, InvalidInput, NotFound, Unavailable, VerificationFailed
from aver.releases.bom import bill_of_materials
from aver.releases.origin import origin_of, packages
from aver.releases.roles import models_of, role_of
from aver.releases.signing import model_signature, own_key, provenance_statement, sign_release, signed_release
from aver.releases.types import Described, Provenance
from tests.releases import cases, open_registry, write_bundle

DECLARED = """
providers:
  up: {kind: openai, base_url: "http://127.0.0.1:9/v1", credential: env:UP}
models:
  answers: {provider: up, id: gpt-x, price: {input: 0.15, output: 0.6}}
  vectors: {provider: up, id: e5, capabilities: [embeddings]}
feature: {model: answers}
guardrails:
  checks: {mod: {kind: moderation, base_url: "http://127.0.0.1:9", model: m}}
  input: {personal: redact, mod: flag}
tools:
  mcp: {post: {command: [post], tools: {send_mail: {effects: [send], targets: [to]}}}}
  openapi: {shop: {document: shop.yaml, url: "http://127.0.0.1:9", tools: {buy: {effects: [spend], targets: [item]}}}}
"""
TOOLS = {
    "buy": {"origin": "openapi shop", "description": "Buys.", "parameters": {"type": "object"}, "returns": None},
    "run_python": {"origin": "code analyst", "description": "", "parameters": {"type": "object"}, "returns": None},
}
MADE = Provenance(
    builder="aver-1",
    commit="a" * 40,
    branch="main",
    repository="https://git.example/acme/bundle",
    dirty=True,
    indexes={"tenant_1": "1.2 minilm"},
    packages={"numpy": "2.4.0", "PyYAML": "6.0.3"},
    note="first",
)


@pytest.fixture
def registry(tmp_path):
    return open_registry(tmp_path)


@pytest.fixture
def release(tmp_path, registry):
    bundle = write_bundle(
        tmp_path / "bundle",
        DECLARED,
        shop_dot_yaml="openapi: 3.1.0\n",
        prompts__answer_dot_md="Answer.\n",
        evals__h_dot_jsonl=cases("a"),
        weights__one_dot_safetensors="w1",
        weights__two_dot_onnx="w2",
    )
    described = Described({"model": "answers", "embedder": "minilm", "passages": 8}, TOOLS)
    return registry.create(bundle, by="ann", describe=lambda _: described, provenance=MADE)


def test_each_file_has_a_role(release):
    declared = {
        **release.manifest.declared,
        "evals": {
            "suites": {"h": {"cases": ["./sets/*.csv"]}},
            "judges": {"kind": {"rubric": "rubrics/kind.md", "calibration": "rubrics/kind.jsonl"}},
        },
        "routes": {"cheap": {"learned": {"model": "router.json"}}},
    }
    roles = {
        "aver.yaml": "bundle",
        "tools.lock.json": "pins",
        "shop.yaml": "api",
        "prompts/answer.md": "prompt",
        "policies/mine.cedar": "policy",
        "policies/mine.yaml": "file",
        "evals/h.jsonl": "dataset",
        "sets/one.csv": "dataset",
        "rubrics/kind.md": "rubric",
        "rubrics/kind.jsonl": "labels",
        "router.json": "model",
        "weights/one.safetensors": "model",
        "README.md": "file",
    }
    assert {path: role_of(path, declared) for path in roles} == roles


def test_the_bill_of_materials_is_what_its_schema_says(release):
    document = json.loads(canonical_json(bill_of_materials(release)))
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(document)) is None
    document["components"][0]["type"] = "thing"
    assert validator.validate_str(json.dumps(document)) is not None, "the schema is at work"


def test_the_bill_of_materials_names_what_the_release_is_made_of(release):
    document = bill_of_materials(release)
    kinds = {each["name"]: each["type"] for each in document["components"]}
    assert kinds["gpt-x"] == kinds["weights/one.safetensors"] == kinds["minilm"] == "machine-learning-model"
    assert kinds["evals/h.jsonl"] == kinds["prompts/answer.md"] == "data"
    assert kinds["run_python"] == "application"
    assert kinds["numpy"] == kinds["aver"] == "library"
    assert "buy" not in kinds
    assert {each["name"] for each in document["services"]} == {"up", "post", "shop", "mod"}
    references = [each["bom-ref"] for each in (*document["components"], *document["services"])]
    assert len(references) == len(set(references))
    assert document["serialNumber"] == bill_of_materials(release)["serialNumber"]
    assert "env:UP" not in json.dumps(document)


def test_provenance_says_who_froze_what_from_which_commit(release):
    said = provenance_statement(release)
    assert said["subject"] == [{"name": "manifest.json", "digest": {"sha256": release.digest}}]
    assert sha256_hex(release.manifest.canonical) == release.digest
    build = said["predicate"]["buildDefinition"]
    assert build["externalParameters"] == {"createdBy": "ann", "note": "first"}
    assert build["internalParameters"]["dirty"] is True
    assert build["resolvedDependencies"][0] == {
        "uri": "git+https://git.example/acme/bundle@refs/heads/main",
        "digest": {"gitCommit": "a" * 40},
    }


def test_a_signature_is_of_one_key_about_one_release(release):
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate().public_key()
    envelope = sign_release(release, key)
    assert signed_release(envelope, release.digest, key.public_key())
    assert not signed_release(envelope, release.digest, other)
    assert not signed_release(envelope, "0" * 64, key.public_key())
    changed = json.loads(b64decode(envelope["payload"]))
    changed["predicate"]["buildDefinition"]["externalParameters"]["createdBy"] = "eve"
    forged = {**envelope, "payload": b64encode(canonical_json(changed)).decode()}
    assert not signed_release(forged, release.digest, key.public_key())


@pytest.mark.parametrize("envelope", [{}, {"payload": 3}, {"payload": "%%"}, {"payload": "e30="}, {"payload": "W10="}])
def test_what_is_no_envelope_is_kept_by_no_release(registry, release, envelope):
    with pytest.raises(InvalidInput):
        registry.add_signature(release, "0" * 64, envelope)
    assert registry.signatures(release) == {}


def test_the_own_key_is_made_once_and_never_anew(tmp_path):
    folder = tmp_path / "releases"
    key = own_key(folder)
    assert own_key(folder).private_bytes_raw() == key.private_bytes_raw()
    assert (folder / "signing.key").stat().st_mode & 0o077 == 0
    (folder / "signing.key").chmod(0o600)
    (folder / "signing.key").write_bytes(b"short")
    with pytest.raises(Unavailable, match="is damaged"):
        own_key(folder)


def test_models_that_are_files_are_signed_in_openssf_layout(release):
    models = models_of(release.manifest)
    assert models == {"weights": {"one.safetensors": sha256(b"w1").hexdigest(), "two.onnx": sha256(b"w2").hexdigest()}}
    signature = model_signature("weights", models["weights"], Ed25519PrivateKey.generate())
    said = json.loads(b64decode(signature["dsseEnvelope"]["payload"]))
    root = sha256(sha256(b"w1").digest() + sha256(b"w2").digest()).hexdigest()
    assert said["subject"] == [{"name": "weights", "digest": {"sha256": root}}]
    assert said["predicateType"] == "https://model_signing/signature/v1.0"
    assert [each["name"] for each in said["predicate"]["resources"]] == ["one.safetensors", "two.onnx"]


def test_a_model_is_all_that_is_in_its_folder(tmp_path, registry):
    files = {"m__w_dot_onnx": "w", "m__deep__config_dot_json": "{}", "top_dot_npz": "t", "notes_dot_md": "n"}
    release = registry.create(write_bundle(tmp_path / "b", **files), by="ann")
    models = models_of(release.manifest)
    assert {folder: sorted(each) for folder, each in models.items()} == {
        ".": ["top.npz"],
        "m": ["deep/config.json", "w.onnx"],
    }


def git(folder, *words):
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_bundle_in_git_is_known_by_its_commit(tmp_path):
    bundle = write_bundle(tmp_path / "repository/bundle")
    assert origin_of(bundle).commit == ""
    git(tmp_path / "repository", "init", "-b", "main")
    git(tmp_path / "repository", "remote", "add", "origin", "https://ann:s3cret@git.example:8443/acme/bundle.git?x=1")
    git(tmp_path / "repository", "add", ".")
    git(tmp_path / "repository", "commit", "-m", "first")
    clean = origin_of(bundle, "why")
    assert (len(clean.commit), clean.branch, clean.dirty, clean.note) == (40, "main", False, "why")
    assert clean.repository == "https://git.example:8443/acme/bundle.git"
    (tmp_path / "repository/other").write_text("elsewhere")
    assert origin_of(bundle).dirty is False, "what is beside the bundle is not it"
    (bundle / "aver.yaml").write_text("# changed\n")
    assert origin_of(bundle).dirty is True


def test_packages_are_those_that_aver_runs_with():
    found = packages()
    assert {"sqlalchemy", "numpy", "cryptography"} <= found.keys()
    assert "aver" not in found
    assert packages("no-such-distribution") == {}


def test_a_release_is_the_same_in_another_installation(tmp_path, registry, release):
    key = Ed25519PrivateKey.generate()
    registry.add_signature(release, "1" * 64, sign_release(release, key))
    registry.export(release, tmp_path / "one.tar")
    registry.export(release, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    there = open_registry(tmp_path / "there")
    taken = there.take_in(tmp_path / "one.tar", by="bob")
    assert (taken.digest, taken.created_by) == (release.digest, "bob")
    assert taken.provenance.note == "imported; created by ann"
    assert signed_release(there.signatures(taken)["1" * 64], taken.digest, key.public_key())
    assert (there.open_folder(taken.digest) / "prompts/answer.md").read_text() == "Answer.\n"
    assert there.take_in(tmp_path / "one.tar", by="eve").created_by == "bob"


def rewritten(path: Path, change) -> Path:
    """The archive at ``path`` with members that ``change`` makes of its own, by name."""
    with tarfile.open(path) as tar:
        members = {each.name: tar.extractfile(each).read() for each in tar}
    changed = path.with_name("changed.tar")
    with tarfile.open(changed, "w") as tar:
        for name, data in change(members).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return changed


def _without_blob(members):
    return {name: data for name, data in members.items() if not name.startswith("blobs/")}


def _other_blob(members):
    first = next(name for name in members if name.startswith("blobs/"))
    return {**members, first: b"other"}


def _other_manifest(members):
    return {**members, "manifest.json": members["manifest.json"].replace(b"gpt-x", b"gpt-y")}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_without_blob, VerificationFailed),
        (_other_blob, VerificationFailed),
        (_other_manifest, VerificationFailed),
        (lambda members: {**members, "../../outside": b"x"}, InvalidInput),
        (lambda members: {**members, "blobs/../x": b"x"}, InvalidInput),
        (lambda members: {**members, "release.json": b"[]"}, InvalidInput),
        (lambda members: {**members, "release.json": b"[" * 100_000}, InvalidInput),
        (lambda members: {"manifest.json": members["manifest.json"]}, InvalidInput),
        (lambda members: {**members, f"signatures/{'0' * 64}.json": b"{}"}, InvalidInput),
    ],
)
def test_nothing_of_an_archive_is_believed(tmp_path, registry, release, change, error):
    registry.export(release, tmp_path / "one.tar")
    there = open_registry(tmp_path / "there")
    with pytest.raises(error):
        there.take_in(rewritten(tmp_path / "one.tar", change), by="bob")
    assert there.all() == []
    assert not (tmp_path / "outside").exists()


def test_links_in_an_archive_are_refused(tmp_path, registry, release):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        info = tarfile.TarInfo("release.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(info)
    with pytest.raises(InvalidInput, match="is no exported release"):
        registry.take_in(tmp_path / "x.tar", by="bob")


@pytest.mark.parametrize("data", [b"", b"no tar", b"\x1f\x8b\x08\x00" + b"\0" * 40])
def test_what_is_no_archive_is_said(tmp_path, registry, data):
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(InvalidInput, match="is no exported release"):
        registry.take_in(tmp_path / "x.tar", by="bob")
    with pytest.raises(NotFound):
        registry.take_in(tmp_path / "none.tar", by="bob")


def test_a_damaged_release_is_not_exported(tmp_path, registry, release):
    next((tmp_path / "data/releases/blobs").iterdir()).unlink()
    with pytest.raises(AverError):
        registry.export(release, tmp_path / "one.tar")
    assert not (tmp_path / "one.tar").exists()
    assert not [*tmp_path.glob(".one*")]
