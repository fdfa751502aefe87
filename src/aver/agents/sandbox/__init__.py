"""Tools in processes of their own, without credentials, without more than they may use, and with no way out but the declared one."""

from aver.agents.sandbox.egress import Connection, Host, Network, Secret
from aver.agents.sandbox.errors import LimitExceeded, SandboxStopped, SandboxUnavailable, ToolCrashed
from aver.agents.sandbox.sandbox import Sandbox
from aver.agents.sandbox.source import sources
from aver.agents.sandbox.types import Function, Held, Level, Limits, Means, Report, Result, SandboxSettings

__all__ = [
    "Connection",
    "Function",
    "Held",
    "Host",
    "Level",
    "LimitExceeded",
    "Limits",
    "Means",
    "Network",
    "Report",
    "Result",
    "Sandbox",
    "SandboxSettings",
    "SandboxStopped",
    "SandboxUnavailable",
    "Secret",
    "ToolCrashed",
    "sources",
]
