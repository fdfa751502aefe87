"""An OpenAPI document as operations, one for each of its own."""

from aver.agents.tools.openapi.document import Document, read_document
from aver.agents.tools.openapi.operations import base_of, operations

__all__ = ["Document", "base_of", "operations", "read_document"]
