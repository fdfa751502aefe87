"""The provider that a bundle declares: Aver's own, or a vendor's over a file; nothing is asked of a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aver.core.errors import SettingsError
from aver.releases.flags.provider import Provider
from aver.releases.flags.service import Flags
from aver.releases.flags.types import FlagsConfig

__all__ = ["open_provider"]


def open_provider(config: FlagsConfig, folder: Path, flags: Flags) -> Any:
    """The provider that a bundle's section ``flags`` declares; ``folder`` is the bundle's.

    Raises :class:`~aver.core.errors.MissingExtra` where its library is not installed, and :class:`~aver.core.errors.SettingsError` for a file that is
    missing or not of its format.
    """
    if config.source is None:
        return Provider(flags)
    path = folder / config.source.file
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read as flags: {error}", "Put the vendor's JSON file there.") from None
    if config.source.kind == "flagd":
        from aver.releases.flags.adapters.flagd import flagd_provider

        return flagd_provider(path)
    if config.source.kind == "launchdarkly":
        from aver.releases.flags.adapters.launchdarkly import launchdarkly_provider

        return launchdarkly_provider(path)
    from aver.releases.flags.adapters.optimizely import OptimizelyProvider

    return OptimizelyProvider(text)
