"""A bundle on a real disk, changed under a running gateway."""

import asyncio
import threading
from functools import partial
from itertools import pairwise

import pytest

from aver.core.errors import SettingsError
from aver.gateway.config.read import read_bundle
from aver.gateway.config.source import BundleSource, keep_models
from aver.testing.clock import FixedClock

config_source = partial(BundleSource, read=read_bundle, check=keep_models)
HEAD = "providers: {p: {kind: openai}}\nmodels:\n"


def bundle(*names):
    return HEAD + "".join(f"  {name}: {{provider: p}}\n" for name in names)


def replaced(path, text):
    """As editors and deployments do it: a new file takes the place of the old one."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "aver.yaml"
    path.write_text(bundle("a"))
    return path


@pytest.fixture
def clock():
    return FixedClock()


def after(source, clock, seconds=1.0):
    clock.advance(seconds)
    source()
    return source.settle()


@pytest.mark.parametrize(
    "write", [replaced, lambda path, text: path.write_text(text)], ids=["replaced", "written into"]
)
@pytest.mark.parametrize("whole", [True, False], ids=["directory", "file"])
def test_a_changed_file_comes_into_force(file, clock, write, whole):
    source = config_source(file.parent if whole else file, clock=clock)
    assert [*source().models] == ["a"]
    write(file, bundle("a", "b"))
    assert [*source().models] == ["a"]  # looked at less than a second ago
    assert [*after(source, clock).models] == ["a", "b"]


def test_a_link_that_is_swapped_is_a_change(tmp_path, clock):
    for folder, names in (("one", "a"), ("two", "ab")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "aver.yaml").write_text(bundle(*names))
    (tmp_path / "now").symlink_to("one")
    source = config_source(tmp_path / "now", clock=clock)
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "now")
    assert [*after(source, clock).models] == ["a", "b"]


def test_a_wrong_file_leaves_the_old_configuration_in_force_and_is_reported_once(file, clock):
    heard = []
    source = config_source(file.parent, heard.append, clock=clock)
    before = source()
    replaced(file, "models: {a: {provider: nobody}}")
    for _ in range(3):
        assert after(source, clock) is before
    assert [str(error).partition("aver.yaml")[2] for error in heard] == [
        ":1: there is no provider 'nobody'. Declare one under providers."
    ]
    assert source.problem is heard[0]
    replaced(file, "models: {a: {provider: nobody}}\n# touched, and as wrong as before\n")
    after(source, clock)
    assert len(heard) == 1
    replaced(file, bundle("b"))
    assert [*after(source, clock).models] == ["b"]
    assert source.problem is None


def test_a_file_that_vanishes_leaves_the_old_configuration_in_force(file, clock):
    heard = []
    source = config_source(file, heard.append, clock=clock)
    file.unlink()
    assert [*after(source, clock).models] == ["a"]
    assert "cannot be read" in heard[0].cause
    file.write_text(bundle("a"))
    after(source, clock)
    assert source.problem is None


def test_an_empty_file_leaves_the_old_configuration_in_force(file, clock):
    source = config_source(file, clock=clock)
    file.write_text("")
    assert [*after(source, clock).models] == ["a"]
    assert "no models any more" in source.problem.cause
    file.write_text(bundle("a", "b"))
    assert [*after(source, clock).models] == ["a", "b"]


def test_a_file_that_is_still_being_written_is_waited_for(file, clock):
    source, heard = config_source(file, clock=clock), []
    clock.advance(1)
    with file.open("w") as written:
        for part in (HEAD, "  a: {provider: p}\n", "  b: {provider: p}\n"):
            written.write(part)
            written.flush()
            heard.append([*source().models])
    assert [*source.settle().models] == ["a", "b"]
    assert heard == [["a"]] * 3


def test_a_trained_router_that_arrives_late_is_noticed(file, clock):
    source = config_source(file.parent, clock=clock)
    replaced(file, bundle("a") + "routes: {r: {models: [a], strategy: learned, learned: {model: r.json}}}\n")
    after(source, clock)
    assert "no file 'r.json'" in source.problem.cause
    (file.parent / "r.json").write_text("{}")
    assert "r" in after(source, clock).routes


def test_what_means_the_same_stays_the_same_object(file, clock):
    source = config_source(file, clock=clock)
    before = source()
    replaced(file, bundle("a") + "# a remark\n")
    assert after(source, clock) is before


def test_there_is_no_beginning_with_a_wrong_file(file):
    file.write_text("models: 3")
    with pytest.raises(SettingsError, match="expected a mapping"):
        config_source(file.parent)


def test_the_file_is_looked_at_once_a_second_and_read_once_a_change(file, clock, monkeypatch):
    source = config_source(file, clock=clock)
    looks, reads = [], []
    read = source._read
    monkeypatch.setattr(source, "_look", lambda kept=source._look: looks.append(1) or kept())
    monkeypatch.setattr(source, "_read", lambda: reads.append(threading.current_thread()) or read())
    for _ in range(100):
        after(source, clock, 0.1)
    assert len(looks) in (9, 10)
    assert reads == []
    replaced(file, bundle("b"))
    for _ in range(50):
        after(source, clock, 0.1)
    assert len(reads) == 1
    assert reads[0] is not threading.main_thread()


async def test_callers_only_ever_see_whole_configurations(file, clock):
    names = [f"m{n}" for n in range(50)]
    source = config_source(file, clock=clock)
    seen = [source()]
    for count in range(10, 51, 10):
        replaced(file, bundle(*names[:count]))
        while [*seen[-1].models] != names[:count]:
            clock.advance(1)
            seen.append(source())
            await asyncio.sleep(0)
    sizes = [len(config.models) for config in seen]
    assert set(sizes) == {1, 10, 20, 30, 40, 50}
    assert all(before <= after for before, after in pairwise(sizes))
