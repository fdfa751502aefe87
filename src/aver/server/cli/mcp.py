"""``aver mcp``: what a tenant knows, over standard input and output, for programs that speak the Model Context Protocol."""

from __future__ import annotations

import asyncio
import os

import typer

from aver.core.errors import Unauthenticated
from aver.server.cli.session import Session

__all__ = ["mcp"]

_KEY = "AVER_API_KEY"


def mcp(context: typer.Context) -> None:
    """Serve search and answers as an MCP server over standard input and output, for whoever the key in AVER_API_KEY stands for."""
    from aver.server.mcp import serve_stdio

    key = os.environ.get(_KEY, "")
    if not key:
        raise Unauthenticated(f"There is no key in {_KEY}", "Make one with: aver keys create")
    with Session.of(context).application() as application:
        asyncio.run(application.finishing(serve_stdio(application, key)))
