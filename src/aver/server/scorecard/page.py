"""The scorecard as one file that needs nothing else: the Overview without its doors."""

from __future__ import annotations

import hashlib
from base64 import b64encode

from markupsafe import Markup

from aver.ops.scorecard.types import Scorecard
from aver.server.console.assets import asset
from aver.server.console.overview import view_of
from aver.server.console.pages import render

__all__ = ["scorecard_page"]


def scorecard_page(card: Scorecard) -> bytes:
    """UTF-8 HTML. Its policy lets nothing run or load but its own style."""
    style = "\n".join(_text(name) for name in ("console.css", "scorecard.css"))
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    page = render(
        "scorecard_file.html",
        view=view_of(card, linked=False),
        style=Markup(style),  # noqa: S704 - a file of this package
        shapes=Markup(_text("icons.svg")),  # noqa: S704
        policy=policy,
    )
    return bytes(page.body)


def _text(name: str) -> str:
    found = asset(name)
    assert found is not None
    return found.content.decode()
