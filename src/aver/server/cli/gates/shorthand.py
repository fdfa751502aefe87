"""A group whose first command need not be named."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

__all__ = ["Shorthand"]


class Shorthand(TyperGroup):
    """What does not begin with one of its commands, nor asks for help, is for the command ``run``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        asks = args[:1] and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if asks else ["run", *args])
