"""LanceDB without the client of a remote catalogue, which is there for whoever asks for it all the same."""

import subprocess
import sys

PROGRAM = """
import sys
from aver.knowledge.adapters.lancedb_library import load

assert load() is sys.modules["lancedb"]
assert not [name for name in sys.modules if name.startswith("lance_namespace_urllib3_client.api")]
import lance_namespace_urllib3_client as client
assert not hasattr(client, "nothing_of_this_name")
assert client.ApiClient.__module__.startswith("lance_namespace_urllib3_client.")
"""


def test_the_client_is_imported_when_it_is_asked_for_and_not_before():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
