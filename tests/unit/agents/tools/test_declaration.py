"""The section ``tools`` of a bundle."""

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.sandbox import Host
from aver.agents.tools import declaration, parse_tools, read_tools, tools_schema
from aver.agents.tools.annotations import annotations_yaml
from aver.agents.tools.declaration import TOOLS, HeldLimits
from aver.core.errors import SettingsError
from aver.core.labels import LEVELS, Label
from aver.policy import Annotations, Effect

TEXT = declaration.__doc__.partition("::")[2]
BELOW = """
models: {}
tools:
  mcp:
    desk:
      command: [desk]
      tools:
        close: {effects: [write]}
"""


def test_the_example_is_read_written_and_read_again():
    config = parse_tools(TEXT, "aver.yaml")
    close = config.python["desk"].tools["close_ticket"]
    assert close == Annotations(frozenset({Effect.WRITE}), "compensable", "reopen_ticket", ("ticket",))
    assert config.python["desk"].hosts == {"desk.example.com": Host("desk.example.com")}
    assert config.code["analyst"].limits == HeldLimits(seconds=20, memory_mb=256)
    assert config.mcp["calendar"].command == ("calendar-server", "--stdio")
    assert config.mcp["calendar"].tools["list_events"].untrusted_fields == ("events.title",)
    assert config.openapi["shop"].credential == "env:SHOP_TOKEN"
    again = parse_tools(yaml.safe_dump({"tools": TOOLS.write(config)}), "aver.yaml")
    assert again == config


def test_its_schema_takes_what_is_read():
    jsonschema.validate(yaml.safe_load(TEXT)["tools"], tools_schema())
    jsonschema.Draft202012Validator.check_schema(tools_schema())


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("effects: [write]", "effects: [writes]", 8, "'writes' is no effect"),
        ("effects: [write]", "effects: []", 8, "the list is empty"),
        ("{effects: [write]}", "{}", 8, "'effects' is missing"),
        ("effects:", "effect:", 8, "'effect' is not known here"),
        ("effects: [write]", "effects: [write], label: {level: secret}", 8, "'secret' is no level"),
        ("effects: [write]", "effects: [write], label: {regions: [EU]}", 8, "expected the name of a region"),
        ("effects: [write]", "effects: [write], clearance: all", 8, "'all' is no level"),
        ("command: [desk]", "comand: [desk]", 6, "'comand' is not known here"),
        ("command: [desk]", "url: ftp://a", 6, "expected an address"),
        ("command: [desk]", "limits: {seconds: soon}", 6, ""),
        ("mcp:", "mpc:", 4, "'mpc' is not known here"),
        ("desk:", "the desk:", 5, "expected a name of letters"),
        ("command: [desk]", "command: [desk]\n      credential: secret-itself", 7, "a reference to a credential"),
        ("command: [desk]", "command: [desk]\n      url: https://a.example", 4, "not just one of command and url"),
        ("command: [desk]", "prefix: a", 4, "not just one of command and url"),
        ("command: [desk]", "command: [desk]\n      credential: env:A", 4, "sent to no address"),
        ("  mcp:", "  openapi: {desk: {document: a.json}}\n  mcp:", 4, "two origins of tools are called 'desk'"),
        ("  mcp:", "  python: {f: {file: ../f.py}}\n  mcp:", 4, "a path inside the bundle"),
        (
            "  mcp:",
            "  python: {f: {file: f.py, sandbox: none, hosts: {a.example: {}}}}\n  mcp:",
            4,
            "run in no sandbox",
        ),
        (
            "  mcp:",
            "  python: {f: {file: f.py, sandbox: none, limits: {memory_mb: 99}}}\n  mcp:",
            4,
            "run in no sandbox",
        ),
        ("  mcp:", "  code: {f: {sandbox: none}}\n  mcp:", 4, "'none' is no level"),
        ("  mcp:", "  code: {f: {limits: {memory_mb: 8}}}\n  mcp:", 4, "from 64"),
        (
            "  mcp:",
            "  code: {f: {secrets: {K: {credential: env:K, hosts: [a.example]}}}}\n  mcp:",
            4,
            "not among its hosts",
        ),
        (
            "  mcp:",
            "  python: {f: {file: f.py, secrets: {K: {credential: env:K, hosts: [a.example]}}}}\n  mcp:",
            4,
            "not among its hosts",
        ),
    ],
)
def test_a_mistake_is_shown_where_it_is(old, new, line, said):
    assert parse_tools(BELOW, "aver.yaml").mcp["desk"].command == ("desk",)
    with pytest.raises(SettingsError) as raised:
        parse_tools(BELOW.replace(old, new, 1), "aver.yaml")
    assert str(raised.value).startswith(f"aver.yaml:{line}: ")
    assert said in str(raised.value)
    assert "secret-itself" not in str(raised.value)


def test_no_tools_are_none(tmp_path):
    for text in ("", "tools:", "models: {}", "tools: {}"):
        assert parse_tools(text, "aver.yaml").mcp == {}
    with pytest.raises(SettingsError, match="cannot be read"):
        read_tools(tmp_path)
    (tmp_path / "aver.yaml").write_text(BELOW)
    assert [*read_tools(tmp_path).mcp] == ["desk"]


NAMES = st.lists(st.sampled_from(["to", "event.people", "a b"]), unique=True, max_size=2).map(tuple)


@given(
    st.builds(
        Annotations,
        st.frozensets(st.sampled_from([*Effect]), min_size=1),
        st.sampled_from([None, "compensable", "irreversible"]),
        st.sampled_from([None, "undo"]),
        NAMES,
        NAMES,
        st.sampled_from(["trusted", "untrusted"]),
        NAMES,
        st.sampled_from([None, False, True]),
        st.builds(Label, st.sampled_from(LEVELS), st.none() | st.frozensets(st.sampled_from(["eu", "ch"]))),
        st.sampled_from(["", *LEVELS]),
        st.sampled_from(["", "eu"]),
    )
)
def test_annotations_survive_being_written(annotations):
    text = f"tools: {{mcp: {{it: {{command: [it], tools: {{a: {annotations_yaml(annotations)}}}}}}}}}"
    assert parse_tools(text, "aver.yaml").mcp["it"].tools["a"] == annotations
