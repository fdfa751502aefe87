"""Which files a release is made of: the same on every machine, all that is kept, nothing that is a secret, never half of a change."""

import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import Conflict, InvalidInput, NotFound, SettingsError, TooLarge, VerificationFailed
from aver.releases import freezing
from aver.releases.freezing import digest_only, entries, freeze
from tests.releases import FREE, cases, open_registry, write_bundle


def paths(folder, *leave_out):
    return [entry.path for entry in entries(folder, leave_out)]


def test_what_is_hidden_or_left_behind_is_no_part(tmp_path):
    bundle = write_bundle(tmp_path / "b", prompts__a_dot_md="hi")
    for name in (".env", ".git/config", "__pycache__/x.pyc", "tools/x.pyc", "evals/first.run.jsonl", "prompts/a.md~"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_text("no")
    assert paths(bundle) == ["aver.yaml", "prompts/a.md"]


def test_patterns_leave_out_files_and_folders(tmp_path):
    bundle = write_bundle(tmp_path / "b", notes__a_dot_md="x", notes__deep__b_dot_md="x", data_dot_tmp="x")
    assert paths(bundle, "notes/*", "*.tmp") == ["aver.yaml"]
    assert paths(bundle, "notes/") == ["aver.yaml", "data.tmp"]


@given(st.permutations(["a.md", "b/c.md", "b/d.md", "é.md", "z.md"]))
def test_order_and_time_do_not_matter(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("b")
    for number, name in enumerate(order):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
        os.utime(folder / name, (number, number))
    assert [each.path for each in freeze(entries(folder), digest_only)] == sorted(order)
    shutil.rmtree(folder)


def test_the_same_bundle_elsewhere_is_the_same_release(tmp_path):
    made = [
        open_registry(tmp_path / name).create(write_bundle(tmp_path / name / "b", p_dot_md="one\r\ntwo\n"), by="ann")
        for name in ("here", "there")
    ]
    assert made[0].digest == made[1].digest
    (tmp_path / "there/b/p.md").write_bytes(b"one\ntwo\n")
    assert open_registry(tmp_path / "there").create(tmp_path / "there/b", by="ann").digest != made[0].digest


def test_whether_a_file_may_be_run_is_a_part(tmp_path):
    registry, bundle = open_registry(tmp_path), write_bundle(tmp_path / "b", run_dot_sh="#!/bin/sh\n")
    before = registry.create(bundle, by="ann")
    (bundle / "run.sh").chmod(0o755)
    after = registry.create(bundle, by="ann")
    assert before.digest != after.digest
    assert os.access(registry.open_folder(after.digest) / "run.sh", os.X_OK)
    assert not os.access(registry.open_folder(before.digest) / "run.sh", os.X_OK) or os.geteuid() == 0


@pytest.mark.parametrize("target", ["aver.yaml", "/etc/hostname", "nowhere", "../outside"])
def test_links_are_refused(tmp_path, target):
    bundle = write_bundle(tmp_path / "b")
    (bundle / "link.md").symlink_to(target)
    with pytest.raises(InvalidInput, match=r"'link\.md' is a link"):
        entries(bundle)
    assert paths(bundle, "link.md") == ["aver.yaml"]


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    bundle = write_bundle(tmp_path / "b")
    (tmp_path / "outside").mkdir()
    (bundle / "prompts").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput, match="'prompts' is a link"):
        entries(bundle)


def test_what_is_no_file_is_refused_without_being_opened(tmp_path):
    bundle = write_bundle(tmp_path / "b")
    os.mkfifo(bundle / "pipe")
    with pytest.raises(InvalidInput, match="'pipe' is no file"):
        entries(bundle)


@pytest.mark.parametrize("name", ["a\nb.md", "a\\b.md", "con.md", "NUL", "what?.md", "a:b", "x\u202e.md"])
def test_names_that_not_every_machine_has_are_refused(tmp_path, name):
    bundle = write_bundle(tmp_path / "b")
    (bundle / name).write_text("x")
    with pytest.raises(InvalidInput, match="cannot be the name of a file on every machine"):
        entries(bundle)


def test_a_name_that_is_no_text_is_refused(tmp_path):
    bundle = write_bundle(tmp_path / "b")
    (bundle / os.fsdecode(b"\xff.md")).write_text("x")
    with pytest.raises(InvalidInput):
        entries(bundle)


@pytest.mark.parametrize("pair", [("A.md", "a.md"), ("é.md", "e\u0301.md")])
def test_names_that_some_machines_take_for_one_are_refused(tmp_path, pair):
    bundle = write_bundle(tmp_path / "b")
    for name in pair:
        (bundle / name).write_text("x")
    with pytest.raises(InvalidInput, match="are one file on some machines"):
        entries(bundle)


def test_what_is_too_large_is_said_before_it_is_read(tmp_path, monkeypatch):
    bundle = write_bundle(tmp_path / "b")
    with (bundle / "weights.bin").open("wb") as file:
        file.truncate(freezing.LARGEST_FILE + 1)
    with pytest.raises(TooLarge, match=r"'weights\.bin' has 268,435,457 bytes"):
        entries(bundle)
    (bundle / "weights.bin").unlink()
    monkeypatch.setattr(freezing, "MOST_FILES", 3)
    for number in range(3):
        (bundle / f"{number}.md").write_text("x")
    with pytest.raises(TooLarge, match="more than 3 files"):
        entries(bundle)
    monkeypatch.setattr(freezing, "MOST_FILES", 10)
    monkeypatch.setattr(freezing, "LARGEST", 30)
    with pytest.raises(TooLarge, match="a release holds at most 30"):
        entries(bundle)


def test_a_file_that_is_written_to_meanwhile_is_not_frozen_by_half(tmp_path):
    bundle = write_bundle(tmp_path / "b", a_dot_md="one", b_dot_md="two")
    found = entries(bundle)

    def keep(chunks):
        digest = digest_only(chunks)
        (bundle / "a.md").write_text("ONE")
        return digest

    with pytest.raises(Conflict, match="was changed while the bundle was frozen"):
        freeze(found, keep)


def test_a_file_that_grows_or_goes_meanwhile_is_said(tmp_path):
    bundle = write_bundle(tmp_path / "b", a_dot_md="one")
    found = entries(bundle)
    (bundle / "a.md").write_text("one and more")
    with pytest.raises(Conflict):
        freeze(found, digest_only)
    (bundle / "a.md").unlink()
    with pytest.raises(NotFound, match=r"'a\.md' cannot be read"):
        freeze(found, digest_only)


def test_the_data_directory_within_a_bundle_is_no_part_of_it(tmp_path):
    bundle = write_bundle(tmp_path / "b")
    registry = open_registry(bundle)
    release = registry.create(bundle, by="ann", without=[bundle / "data"])
    assert [each.path for each in release.manifest.files] == ["aver.yaml"]


@pytest.mark.parametrize("declared", ["feature: {model", "models: {x: {}}", "release: {environments: {a: {after: b}}}"])
def test_a_bundle_that_is_wrong_is_no_release(tmp_path, declared):
    registry = open_registry(tmp_path)
    write_bundle(tmp_path / "b", declared)
    with pytest.raises(SettingsError):
        registry.create(tmp_path / "b", by="ann")
    assert registry.all() == []


def test_a_folder_without_a_bundle_is_none(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(SettingsError, match=r"aver\.yaml is no file"):
        open_registry(tmp_path).create(tmp_path / "b", by="ann")


KEY = "sk-" + "ant-api03-" + "Zk3vQ9xT7bW2mN8pR4sL6dF1gH5jK0aC"


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("prompts/a.md", f"hello\n\nuse {KEY}\n", 3),
        ("aver.yaml", f'{FREE}retrieval: {{token: "q8Zr2LmX0vTn5BhY7wKc"}}\n', 2),
        ("tools/id", "-----BEGIN PRIVATE" + " KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE" + " KEY-----\n", 1),
        ("tools/desk.py", "URL = 'postgres://aver:h4rdT0Gu3ss@db.internal/x'\n", 1),
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_told(tmp_path, path, text, line):
    bundle, registry = write_bundle(tmp_path / "b"), open_registry(tmp_path)
    (bundle / path).parent.mkdir(exist_ok=True)
    (bundle / path).write_text(text)
    with pytest.raises(InvalidInput, match=rf"{path}:{line}: this looks like a secret") as caught:
        registry.create(bundle, by="ann")
    assert KEY not in str(caught.value)
    assert "h4rdT0" not in str(caught.value)
    kept = [each.read_bytes() for each in (tmp_path / "data").rglob("*") if each.is_file()]
    assert not any(KEY.encode() in each for each in kept)


def test_cases_may_speak_of_secrets(tmp_path):
    bundle = write_bundle(tmp_path / "b", evals__attacks_dot_jsonl=cases(f"is {KEY} yours"))
    assert open_registry(tmp_path).create(bundle, by="ann").manifest.paths.keys() == {
        "aver.yaml",
        "evals/attacks.jsonl",
    }


def test_a_file_that_a_credential_is_in_stays_out(tmp_path):
    declared = "providers: {up: {kind: openai, base_url: 'http://127.0.0.1:9', credential: 'file:keys/up'}}\n"
    bundle = write_bundle(tmp_path / "b", declared, keys__up=KEY)
    release = open_registry(tmp_path).create(bundle, by="ann")
    assert [each.path for each in release.manifest.files] == ["aver.yaml"]
    assert release.manifest.declared["providers"]["up"]["credential"] == "file:keys/up"


def test_a_folder_that_was_touched_is_laid_out_again(tmp_path):
    registry = open_registry(tmp_path)
    release = registry.create(write_bundle(tmp_path / "b", policies__x_dot_md="x"), by="ann")
    folder = registry.open_folder(release.digest)
    (folder / "policies/x.md").chmod(0o600)
    (folder / "policies/x.md").write_text("y")
    (folder / "policies/more.cedar").write_text("permit (principal, action, resource);")
    assert registry.open_folder(release.digest) == folder
    assert (folder / "policies/x.md").read_text() == "x"
    assert not (folder / "policies/more.cedar").exists()
    (folder / "__pycache__").mkdir()
    assert registry.open_folder(release.digest) == folder
    assert (folder / "__pycache__").exists(), "what programs leave behind is no reason to lay it out again"


@pytest.mark.parametrize("damage", ["gone", "other"])
def test_bytes_that_are_not_what_they_were_are_never_opened(tmp_path, damage):
    registry = open_registry(tmp_path)
    bundle = write_bundle(tmp_path / "b", p_dot_md="x")
    release = registry.create(bundle, by="ann")
    blob = tmp_path / "data/releases/blobs" / release.manifest.paths["p.md"].sha256
    blob.unlink()
    if damage == "other":
        blob.write_text("y")
    assert registry.damaged(release) == ["p.md"]
    with pytest.raises(VerificationFailed, match="missing or was changed outside Aver"):
        registry.open_folder(release.digest)
    registry.create(bundle, by="ann")  # frozen again, it is whole again
    assert registry.damaged(release) == []
    assert (registry.open_folder(release.digest) / "p.md").read_text() == "x"


def test_an_edit_afterwards_changes_nothing_and_is_noticed(tmp_path):
    registry = open_registry(tmp_path)
    bundle = write_bundle(tmp_path / "b", p_dot_md="x")
    release = registry.create(bundle, by="ann")
    assert registry.differing(release, bundle) == []
    (bundle / "p.md").write_text("y")
    (bundle / "q.md").write_text("z")
    assert registry.differing(release, bundle) == ["p.md", "q.md"]
    assert (registry.open_folder(release.digest) / "p.md").read_text() == "x"
    shutil.rmtree(bundle)
    assert registry.get(release.digest).manifest == release.manifest


def test_an_agent_whose_instructions_are_a_file_is_released_with_it(tmp_path):
    declared = (
        "providers: {p: {kind: openai, base_url: 'http://127.0.0.1:9/v1'}}\nmodels: {m: {provider: p}}\n"
        "agents: {desk: {model: m, prompt: prompts/desk.md}}\n"
    )
    registry = open_registry(tmp_path / "data")
    made = registry.create(write_bundle(tmp_path / "b", declared, prompts__desk_dot_md="Be brief."), by="ann")
    assert made.manifest.declared["agents"] == {"desk": {"model": "m", "prompt": "prompts/desk.md"}}
    other = registry.create(write_bundle(tmp_path / "c", declared, prompts__desk_dot_md="Be long."), by="ann")
    assert other.digest != made.digest
    with pytest.raises(SettingsError, match=r"prompts/desk\.md cannot be read"):
        registry.create(write_bundle(tmp_path / "d", declared), by="ann")
