"""LaunchDarkly's flags from a file, by LaunchDarkly's own provider: no key, no events, nothing sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aver.core.errors import MissingExtra

__all__ = ["launchdarkly_provider"]

_STARTS = 10.0
"""Seconds that reading the file may take."""


def launchdarkly_provider(path: Path) -> Any:
    """The provider. Raises :class:`~aver.core.errors.MissingExtra` without its library."""
    try:
        from ld_openfeature import LaunchDarklyProvider
        from ldclient import Config
        from ldclient.integrations import Files
    except ImportError:
        raise MissingExtra("launchdarkly-openfeature-server", "launchdarkly") from None
    source = Files.new_data_source(paths=[str(path)], auto_update=False)
    return LaunchDarklyProvider(Config("file", update_processor_class=source, send_events=False), _STARTS)
