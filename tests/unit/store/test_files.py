import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aver.core.errors import Conflict
from aver.store.files import exclusive, make_tenant_directory, try_exclusive


def test_exclusive_waits_its_turn(tmp_path):
    inside, most = [], []

    def work(number):
        with exclusive(tmp_path / "lock"):
            inside.append(number)
            most.append(len(inside))
            threading.Event().wait(0.005)
            inside.remove(number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(12)))
    assert most == [1] * 12


def test_try_exclusive_refuses_at_once_and_lets_go_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), try_exclusive(tmp_path / "lock", "ingest"):  # noqa: PT012
        with pytest.raises(Conflict, match="'ingest'"), try_exclusive(tmp_path / "lock", "ingest"):
            pass
        _ = 1 / 0
    with try_exclusive(tmp_path / "lock", "ingest"):
        pass


def test_a_directory_is_made_once_with_two_different_secrets(tmp_path):
    make_tenant_directory(tmp_path / "t")
    secrets = {path.name: path.read_bytes() for path in (tmp_path / "t" / "keys").iterdir()}
    assert set(secrets) == {"master.key", "signing.key"}
    assert len(set(secrets.values())) == 2
    with pytest.raises(FileExistsError):
        make_tenant_directory(tmp_path / "t")
    assert {path.name: path.read_bytes() for path in (tmp_path / "t" / "keys").iterdir()} == secrets
