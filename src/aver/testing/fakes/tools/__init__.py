"""Far sides of tools: an MCP server over its pipes and over HTTP, and an HTTP API that describes itself."""

from aver.testing.fakes.tools.desk import HOW, Desk
from aver.testing.fakes.tools.desk_http import FakeDesk
from aver.testing.fakes.tools.shop import FakeShop, shop_document

__all__ = ["HOW", "Desk", "FakeDesk", "FakeShop", "shop_document"]
