"""What the tests over real HTTP share."""

import pytest

from aver.core.settings import Settings
from tests.servers import fill, open_application, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The small handbook of ``tests.servers``, served over a real socket."""
    folder = tmp_path_factory.mktemp("served")
    application = open_application(Settings(data=folder / "data"))
    fill(application, folder)
    with serving(application) as served:
        yield served
    application.close()
