"""Read the settings of this process: the settings file, the environment, the flags."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from aver.core.errors import NotFound, SettingsError
from aver.core.settings import Settings

__all__ = ["load_settings"]

_FILE = "settings.yaml"
"""Its name within the data directory."""


def load_settings(
    flags: Mapping[str, object], config: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Settings from ``flags``, the environment, and the file ``config`` (or ``AVER_CONFIG``, or ``settings.yaml`` in the data
    directory where there is one). Raises :class:`NotFound` for a named file that is absent, and :class:`SettingsError`."""
    named = config or (Path(environment["AVER_CONFIG"]) if environment.get("AVER_CONFIG") else None)
    file = named or Settings.load(flags={"data": flags.get("data")}, environment=environment).data / _FILE
    return Settings.load(
        flags=flags, environment=environment, file=_text(file, required=named is not None), file_name=str(file)
    )


def _text(file: Path, *, required: bool) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise NotFound(f"There is no settings file at {file}", "Check --config, or AVER_CONFIG.") from None
        return ""
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: not UTF-8 text", "Save the file as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}", "Check its permissions.") from None
