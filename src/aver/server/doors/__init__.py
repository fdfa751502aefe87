"""The doors: models and features for the clients that people already have. Plain ASGI, because every model call passes here."""

from aver.server.doors.app import Doors

__all__ = ["Doors"]
