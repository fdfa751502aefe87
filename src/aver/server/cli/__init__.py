"""The command line ``aver``. One file a command group; nothing heavy is imported before a command needs it."""

from aver.server.cli.main import main

__all__ = ["main"]
