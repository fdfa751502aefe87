"""Servers of the Model Context Protocol: their tools as operations, pinned to what was approved of them."""

from aver.agents.tools.mcp.client import Client
from aver.agents.tools.mcp.http import Http
from aver.agents.tools.mcp.pipes import Pipes

__all__ = ["Client", "Http", "Pipes"]
