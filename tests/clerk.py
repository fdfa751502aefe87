"""A tenant whose agent, the clerk, keeps a shopping list: real servers, which end with the block, and what its tool wrote down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aver.core.settings import Settings
from aver.testing.provider import FakeProvider
from tests.integration.test_agents_cli import TOOL
from tests.servers import Served, fill, open_application, serving

__all__ = ["clerk", "noted"]


@contextmanager
def clerk(folder: Path, think: Any, bundle: Callable[[str], str]) -> Iterator[Served]:
    """The tenant ``acme``, with a small handbook; ``think`` is its model, and ``bundle`` makes ``aver.yaml`` of that model's address."""
    tools = folder / "bundle" / "tools"
    tools.mkdir(parents=True)
    (tools / "desk.py").write_text(TOOL)
    with FakeProvider(think) as model:
        (tools.parent / "aver.yaml").write_text(bundle(model.base_url))
        application = open_application(Settings(data=folder / "data", bundle=tools.parent))
        fill(application, folder, "acme")
        with serving(application) as served:
            yield served
        application.close()


def noted(server: Served) -> Callable[[], list[str]]:
    """The lines that the tool writes down from now on, from nothing."""
    file = server.application.settings.bundle / "tools" / "notes.txt"
    file.unlink(missing_ok=True)
    return lambda: file.read_text().split("\n")[:-1] if file.exists() else []
