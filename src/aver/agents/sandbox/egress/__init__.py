"""The only way out of a sandbox: a proxy that knows the declared hosts, and puts secrets in where the tool cannot see them."""

from aver.agents.sandbox.egress.proxy import Proxy
from aver.agents.sandbox.egress.types import Connection, Host, Network, Secret

__all__ = ["Connection", "Host", "Network", "Proxy", "Secret"]
