"""What the gateway's page shows is so."""

import re
from pathlib import Path
from typing import get_args

from aver.gateway.config.read import parse_config
from aver.gateway.config.types import ProviderKind, Scope, Strategy
from aver.gateway.credentials import SCHEMES
from aver.server.doors.openapi import describe

DOCS = Path(__file__).resolve().parents[4] / "docs"
PAGE = (DOCS / "gateway.md").read_text(encoding="utf-8")


def test_the_bundle_on_the_page_is_valid():
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        config = parse_config(block, "gateway.md")
        assert config.routes


def test_every_strategy_kind_scope_and_scheme_is_on_the_page():
    for word in (*get_args(Strategy), *get_args(ProviderKind), *get_args(Scope)):
        assert f"`{word}`" in PAGE or f"per: {word}" in PAGE, word
    for scheme in SCHEMES:
        assert f"| `{scheme}:" in PAGE, scheme


def test_every_door_is_on_the_page_and_in_the_api():
    api = (DOCS / "api.md").read_text(encoding="utf-8")
    doors = describe({"paths": {}})["paths"]
    assert len(doors) > 5
    for path in doors:
        assert path in PAGE, path
        assert path in api, path
