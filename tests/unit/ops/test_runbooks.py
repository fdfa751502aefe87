"""Runbooks as files: what is a step, and what is said of a mistake."""

import pytest

from aver.core.errors import SettingsError
from aver.ops.runbooks.reading import doubts, read_runbook, read_runbooks

WHOLE = """---
title: A provider is out
rules: ["anomaly:model_*"]
features: [assistant]
---
Prose, with a list:

- not a step
- [ ] Look at the status page.

```aver
shut_out_provider provider=acme
```

```console
$ aver incident list
- [ ] no step either
```

1. [x] Tell **everybody**.
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="provider-outage.md"):
        file = tmp_path / "runbooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    return write


def test_actions_and_what_people_do_are_steps_and_nothing_else_is(written):
    found = read_runbook(written(WHOLE))
    assert (found.name, found.title) == ("provider-outage", "A provider is out")
    steps = [(each.number, each.line, str(each.action) if each.action else each.text) for each in found.steps]
    assert steps == [
        (1, 9, "Look at the status page."),
        (2, 12, "shut_out_provider provider=acme"),
        (3, 20, "Tell **everybody**."),
    ]
    assert found.fits("anomaly:model_failures", "assistant")
    assert not found.fits("anomaly:cost", "assistant")
    assert not found.fits("", "search")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            WHOLE.replace("shut_out_provider", "shut_out_providers"),
            r"outage.md:12: There is no action .*Did you mean 'shut_out_provider'",
        ),
        (WHOLE.replace("provider=acme", "name=acme"), r"outage.md:12: shut_out_provider takes no 'name'"),
        (
            WHOLE.replace("provider=acme\n", "provider=acme\nrepair_index\n"),
            r"outage.md:13: the block names more than one",
        ),
        (WHOLE.replace("shut_out_provider provider=acme\n", ""), r"outage.md:11: the block names no action"),
        (WHOLE.replace("title", "titel"), r"outage.md:2.*Did you mean 'title'"),
        (WHOLE.replace("[assistant]", "assistant"), r"outage.md:4"),
        ("# no front matter\n", r"outage.md:1: there is no front matter"),
        ("---\ntitle: x\n---\nprose\n", r"has no step"),
        ("---\ntitle: x\n---\n```aver\nrepair_index\n", r"outage.md:4: the block has no end"),
    ],
)
def test_a_mistake_is_told_with_its_line(written, text, said):
    with pytest.raises(SettingsError, match=said):
        read_runbook(written(text))


def test_names_that_nothing_has_are_told_with_the_nearest(written):
    file = written(WHOLE)
    (doubt,) = doubts(read_runbook(file), {"provider": ["acne"]}.get)
    assert doubt.place == f"{file}:12"
    assert doubt.said == "There is no provider 'acme'. Did you mean 'acne'?"
    assert list(doubts(read_runbook(file), lambda _: None)) == []


def test_files_have_names_that_commands_can_say(written, tmp_path):
    written(WHOLE, "Über uns.md")
    with pytest.raises(SettingsError, match="has no name for a runbook"):
        read_runbooks(tmp_path)
    assert read_runbooks(tmp_path / "elsewhere") == {}
