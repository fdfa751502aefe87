"""Named actions with a schema and declared effects, wherever they come from."""

from aver.agents.tools.types import Result, Tool

__all__ = ["Result", "Tool"]
