"""How a command ends: its exit code, and one line or one document when it failed."""

import json
import os
import subprocess
import sys

import pytest

from aver import __version__
from aver.core.errors import StorageFull
from aver.server.cli import main


@pytest.fixture
def aver(tmp_path, capsys, monkeypatch):
    """Run a command in this process on a fresh data directory: exit code, standard output, standard error."""
    for name in [name for name in os.environ if name.startswith("AVER_")]:
        monkeypatch.delenv(name)

    def run(*words, data=tmp_path / "data", **options):
        code = main(["--data", str(data), *words], **options)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_version_and_help(aver):
    assert aver("--version") == (0, f"aver {__version__}\n", "")
    code, out, _ = aver("--help")
    assert code == 0
    assert "ingest" in out
    assert aver()[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["nope"],
        ["ask"],
        ["ask", "why?", "--tenant", "acme"],
        ["ask", "why?", "--tenant", "acme", "--user", "ann", "--wrong"],
        ["search", "leave", "--tenant", "acme", "--user", "ann", "--limit", "0"],
        ["serve", "--port", "many"],
        ["tenant"],
        ["tenant", "create", " spaced "],
        ["erase", "--tenant", "acme", "--subject", "ann"],
        ["evidence", "verify", "file", "--tenant", "acme"],
        ["ask", "not \udcff text", "--tenant", "acme", "--user", "ann"],
    ],
)
def test_usage_is_one_line_and_code_2(aver, words):
    code, out, err = aver(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")


def test_an_error_with_json_is_a_problem_on_standard_output(aver):
    code, out, err = aver("keys", "list", "--tenant", "nobody", "--json")
    assert (code, err) == (3, "")
    problem = json.loads(out)
    assert problem["type"] == "urn:aver:problem:not-found"
    assert problem["status"] == 404
    assert problem["detail"]
    assert problem["next_step"]


def test_a_usage_error_with_json_is_a_problem_too(aver):
    code, out, _ = aver("ask", "--json")
    assert code == 2
    assert json.loads(out)["type"] == "urn:aver:problem:usage"


def test_an_understood_failure_says_cause_and_next_step(aver):
    def full(_settings):
        raise StorageFull("The disk is full", "Make room.")

    assert aver("tenant", "list", open_application=full) == (1, "", "error: The disk is full. Make room.\n")


def test_an_unexpected_failure_is_one_line(aver):
    def broken(_settings):
        raise RuntimeError("two\nlines")

    code, out, err = aver("tenant", "list", open_application=broken)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "RuntimeError: two lines" in err


def test_ctrl_c_is_130_and_silent(aver):
    def interrupted(_settings):
        raise KeyboardInterrupt

    assert aver("tenant", "list", open_application=interrupted) == (130, "", "")


def test_a_data_directory_that_is_a_file_is_an_error(aver, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = aver("tenant", "list", data=tmp_path / "file")
    assert code == 1
    assert err.startswith("error: ")


def test_settings_come_from_the_named_file(aver, tmp_path):
    config = tmp_path / "mine.yaml"
    config.write_text("prot: 1\n")
    code, _, err = aver("--config", str(config), "tenant", "list")
    assert code == 2
    assert f"{config}:1" in err
    assert aver("--config", str(tmp_path / "none.yaml"), "tenant", "list")[0] == 3


def test_settings_come_from_the_data_directory(aver, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.yaml").write_text("port: many\n")
    code, _, err = aver("tenant", "list")
    assert code == 2
    assert "settings.yaml:1" in err


def test_a_reader_that_has_gone_is_no_traceback(tmp_path):
    command = f"{sys.executable} -m aver --data {tmp_path}/data tenant list --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.strip() in {"0", "1"}
    assert done.stderr == ""


def test_help_and_offline_verification_import_nothing_heavy(tmp_path):
    program = (
        "import sys\nfrom aver.server.cli import main\n"
        f"main(['--help']); main(['evidence', 'verify', {str(tmp_path / 'none')!r}])\n"
        "heavy = {'fastapi', 'lancedb', 'onnxruntime', 'numpy', 'pyarrow', 'aiohttp'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
