"""flagd's files (https://flagd.dev/reference/flag-definitions), evaluated in this process by flagd's own provider; followed when they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aver.core.errors import MissingExtra

__all__ = ["flagd_provider"]


def flagd_provider(path: Path) -> Any:
    """The provider. Raises :class:`~aver.core.errors.MissingExtra` without its library."""
    try:
        from openfeature.contrib.provider.flagd import FlagdProvider
        from openfeature.contrib.provider.flagd.config import ResolverType
    except ImportError:
        raise MissingExtra("openfeature-provider-flagd", "flags") from None
    return FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(path))
