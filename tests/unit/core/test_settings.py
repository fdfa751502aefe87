from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import SettingsError
from aver.core.settings import ModelSettings, ModelTimeouts, Settings

FILE = """\
data: /var/lib/aver
database_url: postgresql://aver:pa55@db/aver
host: 0.0.0.0
port: 80
max_file_mb: 5
max_question_chars: 50
model:
  base_url: https://models.example/v1/
  name: large
  key: sk-secret
  input_usd_per_million: 0.5
  output_usd_per_million: 2
  timeouts: {connect: 1, first_token: 2, stall: 3, total: 4.5}
"""


def test_defaults_are_embedded_and_extractive():
    settings = Settings.load()
    assert settings == Settings()
    assert (settings.data, settings.database_url, settings.model) == (Path(".aver"), None, None)
    assert (settings.host, settings.port) == ("127.0.0.1", 8420)
    assert (settings.max_file_mb, settings.max_question_chars) == (100, 8000)


def test_the_file_sets_everything():
    assert Settings.load(file=FILE) == Settings(
        data=Path("/var/lib/aver"),
        database_url="postgresql://aver:pa55@db/aver",
        host="0.0.0.0",
        port=80,
        max_file_mb=5,
        max_question_chars=50,
        model=ModelSettings(
            base_url="https://models.example/v1",
            name="large",
            key="sk-secret",
            input_usd_per_million=0.5,
            output_usd_per_million=2.0,
            timeouts=ModelTimeouts(connect=1, first_token=2, stall=3, total=4.5),
        ),
    )


@given(st.sampled_from([None, 1]), st.sampled_from([None, "", "2"]), st.sampled_from([None, 3]))
def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(flag, variable, line):
    settings = Settings.load(
        flags={"port": flag},
        environment={} if variable is None else {"AVER_PORT": variable},
        file="" if line is None else f"port: {line}",
    )
    assert settings.port == (flag or int(variable or 0) or line or 8420)


def test_each_source_can_give_part_of_a_model():
    settings = Settings.load(
        flags={"model.name": "small"},
        environment={"AVER_MODEL_KEY": "sk-other", "AVER_MODEL_TIMEOUT_STALL": "7"},
        file=FILE,
    )
    assert settings.model is not None
    assert (settings.model.name, settings.model.key) == ("small", "sk-other")
    assert settings.model.timeouts == ModelTimeouts(connect=1, first_token=2, stall=7, total=4.5)


def test_secrets_do_not_show():
    shown = repr(Settings.load(file=FILE))
    assert "sk-secret" not in shown
    assert "pa55" not in shown


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"flags": {"max_file_mb": "lots"}}, "--max-file-mb: expected a whole number from 1 to 4096, found 'lots'"),
        ({"environment": {"AVER_PORT": "99999"}}, "AVER_PORT: expected a whole number from 0 to 65535, found '99999'"),
        ({"environment": {"AVER_PORT": "٣"}}, "AVER_PORT: expected a whole number"),
        ({"file": "\nport: [1]"}, "aver.yaml:2: expected text, found a list"),
        ({"file": "\nport: x"}, "aver.yaml:2: expected a whole number from 0 to 65535, found 'x'"),
        ({"file": "data: /d\nprot: 1"}, "aver.yaml:2: 'prot' is not known here. Did you mean 'port'?"),
        ({"file": "model:\n  nmae: x"}, "aver.yaml:2: 'nmae' is not known here. Did you mean 'name'?"),
        ({"file": "model: llama"}, "aver.yaml:1: expected a mapping of names to values, found 'llama'"),
        ({"file": "model:\n  timeouts:\n    total: 0"}, "aver.yaml:3: expected a number of seconds above 0, found '0'"),
        (
            {"file": "model: {input_usd_per_million: nan}"},
            "aver.yaml:1: expected a price in US dollars, 0 or more, found 'nan'",
        ),
        (
            {"environment": {"AVER_DATABSE_URL": "x"}},
            "AVER_DATABSE_URL: there is no such setting. Did you mean AVER_DATABASE_URL?",
        ),
        (
            {"environment": {"AVER_MODEL_NAME": "x"}},
            "AVER_MODEL_NAME: there is no such setting. Did you mean AVER_MODEL_KEY or AVER_MODEL?",
        ),
        ({"environment": {"AVER_MODEL": "x"}}, "AVER_MODEL: names a model, but not where it is served"),
        (
            {"environment": {"AVER_MODEL_BASE_URL": "http://x"}},
            "AVER_MODEL_BASE_URL: says where a model is served, but none",
        ),
        (
            {"file": "model: {base_url: 'ftp://x', name: y}"},
            "aver.yaml:1: expected an address such as http://127.0.0.1",
        ),
        (
            {"file": "model: {base_url: 'http://', name: y}"},
            "aver.yaml:1: expected an address such as http://127.0.0.1",
        ),
        (
            {"environment": {"AVER_MODEL_KEY": "a\r\nX-Evil: 1"}},
            "AVER_MODEL_KEY: expected printable characters without spaces",
        ),
    ],
)
def test_an_error_names_the_place(sources, message):
    with pytest.raises(SettingsError) as caught:
        Settings.load(file_name="aver.yaml", **sources)
    assert str(caught.value).startswith(message)


def test_an_error_about_a_secret_does_not_repeat_it():
    for variable, value in {"AVER_DATABASE_URL": "mysql://u:pa55@h/d", "AVER_MODEL_KEY": "pa55 word"}.items():
        with pytest.raises(SettingsError) as caught:
            Settings.load(environment={variable: value})
        assert "pa55" not in str(caught.value)


def test_variables_of_other_programs_are_left_alone():
    assert Settings.load(environment={"AVER_UNRELATED": "x", "PATH": "/bin"}) == Settings()
