"""What Postgres needs before it is reached. The rest is in the contract, on a real server."""

import sys

import pytest

from aver.core.errors import MissingExtra, SettingsError, Unavailable
from aver.store import Store
from aver.store.postgres import lock_number, psycopg_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_the_url_is_psycopgs(scheme):
    url = psycopg_url(f"{scheme}://ann:p%40ss@db:5433/aver?sslmode=require")
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.password, url.host, url.port, url.database) == ("ann", "p@ss", "db", 5433, "aver")
    assert url.query == {"sslmode": "require", "connect_timeout": "10"}
    assert psycopg_url(f"{scheme}://db/aver?connect_timeout=3").query == {"connect_timeout": "3"}


@pytest.mark.parametrize("url", ["mysql://u:pa55@h/d", "sqlite:///x", "nonsense pa55", "postgresql://u:pa55@h:port/d"])
def test_other_urls_are_refused_without_repeating_them(url):
    with pytest.raises(SettingsError) as caught:
        psycopg_url(url)
    assert "pa55" not in str(caught.value)


def test_a_missing_driver_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"psycopg is not installed. Run: pip install 'aver\[postgres\]'"):
        Store(tmp_path, "postgresql://localhost/aver")


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path):
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        Store(tmp_path / "data", f"postgresql://ann:pa55@/aver?host={tmp_path}")
    assert "pa55" not in str(caught.value)


def testlock_numbers_differ_by_every_word_and_fit():
    numbers = {lock_number(*words) for words in [("a",), ("b",), ("a", "b"), ("ab",), ("a", "b", ""), ("", "a", "b")]}
    assert len(numbers) == 6
    assert all(-(2**63) <= number < 2**63 for number in numbers)
