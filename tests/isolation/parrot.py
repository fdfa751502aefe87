"""The worst model: it repeats whatever it is told, supported or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from aver.core.settings import ModelSettings
from aver.testing.provider import FakeProvider
from aver.testing.replies import Received, Reply
from tests.isolation.world import SECRET

_ALLOWANCE = re.compile(r"^\[(\d+)\].*\n(?:.*\n)*?(The \w+ allowance is .*)$", re.MULTILINE)


def _repeat(received: Received) -> Reply:
    """One sentence of a passage, cited, and one that no passage supports, with every secret of the whole prompt."""
    prompt = received.prompt
    found = _ALLOWANCE.search(prompt)
    cited = f"{found[2]} [{found[1]}]\n" if found else ""
    told = " and ".join(sorted(set(re.findall(SECRET, prompt))))
    return Reply(f"{cited}Bananas turn blue when {told} sing to the harbour moon.\n")


@contextmanager
def parrot() -> Iterator[ModelSettings]:
    with FakeProvider(_repeat) as server:
        yield ModelSettings(base_url=server.base_url, name="parrot")
