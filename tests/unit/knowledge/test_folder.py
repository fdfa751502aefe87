"""A folder as a source: complete or refused, in order, and never outside its root."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from aver.core.errors import InvalidInput, NotFound, TooLarge, Unavailable
from aver.knowledge.folder import FolderSource
from aver.knowledge.types import SourceItem


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    for path in ("b.md", "a/z.md", "a/b/c.md", "Z.md", "ü/ß #1.md"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path, encoding="utf-8")
    return folder


def paths(source):
    return [item.path for item in source.items()]


@contextmanager
def nobody():
    """As a user whom file permissions bind: the tests may run as root."""
    bound = os.geteuid() != 0
    if not bound:
        os.seteuid(65534)
    try:
        yield
    finally:
        if not bound:
            os.seteuid(0)


@pytest.fixture
def open_root():
    """A folder that an unprivileged user reaches too."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_files_come_in_the_order_of_their_paths_with_size_and_uri(root):
    items = FolderSource(root, "handbook").items()
    assert [item.path for item in items] == ["Z.md", "a/b/c.md", "a/z.md", "b.md", "ü/ß #1.md"]
    for item in items:
        assert item.size == len(item.path.encode())
        assert Path(unquote(urlsplit(item.uri).path)) == root / item.path
        assert FolderSource(root, "handbook").fetch(item) == item.path.encode()


def test_hidden_files_and_version_control_are_left_out(root):
    for path in (".hidden.md", ".git/config", "a/.svn/x.md", "CVS/Entries", "a/_darcs/y"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("no", encoding="utf-8")
    assert len(paths(FolderSource(root, "x"))) == 5


def test_a_single_file_is_a_source_of_one(root):
    source = FolderSource(root / "b.md", "x")
    (item,) = source.items()
    assert (item.path, source.fetch(item)) == ("b.md", b"b.md")


def test_a_relative_root_gives_absolute_uris(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert FolderSource(Path("root"), "x").items() == FolderSource(root, "x").items()


def test_a_root_that_is_gone_is_an_error_never_an_empty_source(root):
    source = FolderSource(root, "x")
    shutil.rmtree(root)
    with pytest.raises(NotFound, match="nothing at"):
        source.items()
    with pytest.raises(NotFound):
        FolderSource(root / "b.md" / "below", "x").items()


def test_a_root_that_is_neither_folder_nor_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInput, match="neither"):
        FolderSource(tmp_path / "pipe", "x").items()


def test_a_folder_that_cannot_be_listed_fails_the_whole_listing(open_root):
    (open_root / "a").mkdir()
    (open_root / "locked").mkdir()
    for mode in (0o000, 0o444):  # the second shows names, but not whether they are folders
        (open_root / "locked" / "inner").mkdir(exist_ok=True)
        (open_root / "locked").chmod(mode)
        with nobody(), pytest.raises(Unavailable, match="cannot be listed: Permission denied"):
            FolderSource(open_root, "x").items()


def test_a_file_that_cannot_be_read_fails_alone(open_root):
    (open_root / "locked.md").write_text("secret", encoding="utf-8")
    (open_root / "locked.md").chmod(0)
    (open_root / "open.md").write_text("open", encoding="utf-8")
    with nobody():
        source = FolderSource(open_root, "x")
        locked, readable = source.items()
        with pytest.raises(Unavailable, match="Permission denied"):
            source.fetch(locked)
        assert source.fetch(readable) == b"open"


def test_links_are_followed_within_the_root_and_refused_beyond_it(root, tmp_path):
    (tmp_path / "outside.md").write_text("secret", encoding="utf-8")
    (tmp_path / "rootless").mkdir()
    (root / "inside.md").symlink_to(root / "b.md")
    (root / "out.md").symlink_to(tmp_path / "outside.md")
    (root / "outdir").symlink_to(tmp_path)
    (root / "sibling").symlink_to(tmp_path / "rootless")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a" / "self")
    (root / "a" / "broken.md").symlink_to("nowhere")
    (root / "again").symlink_to(root / "a")
    (root / "ab").mkdir()
    (root / "ab" / "similar").symlink_to(root / "a")
    source = FolderSource(root, "x")
    items = {item.path: item for item in source.items()}
    assert source.fetch(items.pop("inside.md")) == b"b.md"
    refused = {
        "out.md": "leaves the folder",
        "outdir": "leaves the folder",
        "sibling": "leaves the folder",
        "a/up": "leads back",
        "a/self": "leads back",
        "a/broken.md": "points to nothing",
    }
    for path, says in refused.items():
        with pytest.raises(InvalidInput, match=says):
            source.fetch(items.pop(path))
    assert sorted(items) == ["Z.md", "a/b/c.md", "a/z.md", "b.md", "ü/ß #1.md"]


def test_a_file_swapped_for_a_link_after_listing_is_refused(root, tmp_path):
    (tmp_path / "outside.md").write_text("secret", encoding="utf-8")
    source = FolderSource(root, "x")
    item = next(item for item in source.items() if item.path == "b.md")
    (root / "b.md").unlink()
    (root / "b.md").symlink_to(tmp_path / "outside.md")
    with pytest.raises(InvalidInput, match="leaves"):
        source.fetch(item)


@pytest.mark.parametrize("path", ["../outside.md", "a/../../outside.md", "/etc/hostname"])
def test_a_path_out_of_the_root_is_refused(root, tmp_path, path):
    (tmp_path / "outside.md").write_text("secret", encoding="utf-8")
    with pytest.raises(InvalidInput):
        FolderSource(root, "x").fetch(SourceItem(path, "", 0))


def test_a_pipe_is_refused_without_waiting_for_it(root):
    os.mkfifo(root / "pipe.md")
    source = FolderSource(root, "x")
    item = next(item for item in source.items() if item.path == "pipe.md")
    with pytest.raises(InvalidInput, match="pipe"):
        source.fetch(item)
    (root / "b.md").unlink()
    os.mkfifo(root / "b.md")
    with pytest.raises(InvalidInput, match="pipe"):
        FolderSource(root, "x").fetch(SourceItem("b.md", "", 0))


def test_a_file_over_the_limit_is_refused_unread(tmp_path):
    with (tmp_path / "huge.md").open("wb") as file:
        file.truncate(200 * 2**20)
    (tmp_path / "small.md").write_bytes(b"x" * 10)
    source = FolderSource(tmp_path, "x")
    huge, small = source.items()
    with pytest.raises(TooLarge, match="larger than 100 MB"):
        source.fetch(huge)
    assert FolderSource(tmp_path, "x", max_bytes=10).fetch(small) == b"x" * 10
    with pytest.raises(TooLarge):
        FolderSource(tmp_path, "x", max_bytes=9).fetch(small)


def test_a_file_removed_since_the_listing_is_told(root):
    source = FolderSource(root, "x")
    items = source.items()
    shutil.rmtree(root / "a")
    with pytest.raises(NotFound, match="removed"):
        source.fetch(items[1])


def test_a_name_that_is_not_text_is_refused_by_a_name_that_is(root):
    (Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.md"))).write_text("x", encoding="utf-8")
    source = FolderSource(root, "x")
    item = next(item for item in source.items() if "caf" in item.path)
    assert item.path == "caf\\xe9.md"
    item.uri.encode()
    with pytest.raises(InvalidInput, match="not UTF-8"):
        source.fetch(item)
