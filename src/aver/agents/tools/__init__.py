"""Named actions with a schema and declared effects, wherever they come from."""

from aver.agents.tools.declaration import ToolsConfig, parse_tools, read_tools, tools_schema
from aver.agents.tools.function import Function, Key, tool
from aver.agents.tools.operation import Limits, Operation, Unusable
from aver.agents.tools.pins import Pins
from aver.agents.tools.proposing import Proposal, proposals, proposals_yaml
from aver.agents.tools.toolbox import Origin, Toolbox, open_tools
from aver.agents.tools.types import Result, Tool

__all__ = [
    "Function",
    "Key",
    "Limits",
    "Operation",
    "Origin",
    "Pins",
    "Proposal",
    "Result",
    "Tool",
    "Toolbox",
    "ToolsConfig",
    "Unusable",
    "open_tools",
    "parse_tools",
    "proposals",
    "proposals_yaml",
    "read_tools",
    "tool",
    "tools_schema",
]
