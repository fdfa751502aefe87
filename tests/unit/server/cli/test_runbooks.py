"""``aver runbook run``: it asks before each step, and ends where somebody may no more."""

import io
import json

import pytest

from aver.core.settings import Settings
from aver.server.cli import main
from tests.servers import open_application

RUNBOOK = """---
title: Tools go wrong
---
- [ ] Look.

```aver
disable_tool tool=pay
```

```aver
revoke_key key=KEY
```

```aver
disable_tool tool=buy
```
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    bundle = tmp_path / "bundle"
    (bundle / "runbooks").mkdir(parents=True)
    (bundle / "aver.yaml").write_text("feature: {model: extractive}\n")
    monkeypatch.setenv("AVER_BUNDLE", str(bundle))
    monkeypatch.setenv("AVER_DATA", str(tmp_path / "data"))

    def running(*words, says=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(says))
        code = main(
            [*words, *(["--tenant", "acme"] if words[0] != "tenant" else [])], open_application=open_application
        )
        told = capsys.readouterr()
        return code, told.out, told.err

    running("tenant", "create", "acme")
    application = open_application(Settings(data=tmp_path / "data", bundle=bundle))
    key, _ = application.create_key("acme", "vera")
    tenant = application.tenant("acme").store.tenant.id
    with application.directory.change(tenant, "test") as change:
        change.grant(change.add("olga"), ["operator"])
    application.close()
    (bundle / "runbooks" / "tools.md").write_text(RUNBOOK.replace("KEY", key.id))
    _, out, _ = running("incident", "open", "it pays twice", "--json")
    running.incident = json.loads(out)["id"]
    return running


def test_it_asks_before_each_step_and_does_nothing_else(run):
    words = ("runbook", "run", "tools", "--incident", run.incident)
    code, out, _ = run(*words, says="y\ny\nn\nn\n")
    assert code == 0
    assert "the tool 'pay' is disabled (take it back: aver mitigation undo mitigation_" in out
    _, out, _ = run("mitigation", "list", "--json")
    assert [each["action"] for each in json.loads(out)["mitigations"]] == ["disable_tool tool=pay"]
    code, out, _ = run(*words, "--dry-run", "--json")
    assert [each["state"] for each in json.loads(out)["steps"]] == ["done", "in_force", "to_do", "to_do"]


def test_the_first_step_that_is_not_allowed_ends_it(run):
    words = ("runbook", "run", "tools", "--incident", run.incident, "--yes")
    code, out, err = run(*words, "--as", "olga")
    assert code == 3
    assert "This takes the role" in err
    assert "tool=buy" not in out
    _, out, _ = run("mitigation", "list", "--json")
    found = [(each["action"].split()[0], each["status"], each["by"]) for each in json.loads(out)["mitigations"]]
    assert found == [("disable_tool", "in_force", "olga"), ("revoke_key", "refused", "olga")]
    code, _, err = run("runbook", "run", "tools", "--incident", "incident_none", "--yes")
    assert code == 3
    assert "no such incident" in err
    code, _, err = run("runbook", "run", "tols", "--incident", run.incident, "--yes")
    assert "Did you mean 'tools'?" in err


def test_check_tells_of_names_that_nothing_has(run, tmp_path, capsys):
    file = tmp_path / "bundle" / "runbooks" / "provider.md"
    file.write_text("---\ntitle: Out\n---\n```aver\nshut_out_provider provider=acme\n```\n")
    for command in (["check"], ["runbook", "check"]):
        assert main([*command, str(tmp_path / "bundle")], open_application=open_application) == 4
        told = capsys.readouterr()
        assert f"{file}:5" in told.out + told.err
        assert "There is no provider 'acme'" in told.out + told.err
    file.write_text("---\ntitle: Out\n---\n```aver\nshut_out_providers provider=acme\n```\n")
    assert main(["check", str(tmp_path / "bundle")], open_application=open_application) == 2
    assert "provider.md:5: There is no action" in capsys.readouterr().err
