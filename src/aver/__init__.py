"""Aver: every answer and every action carries its evidence."""

__all__ = ["__version__"]

__version__ = "0.1.0"
