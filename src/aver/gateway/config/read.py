"""From the text of a bundle to its declarations."""

from __future__ import annotations

from pathlib import Path

import yaml

from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue, parse_yaml
from aver.gateway.config.check import problems
from aver.gateway.config.description import GATEWAY
from aver.gateway.config.shapes import keyed
from aver.gateway.config.types import GatewayConfig

__all__ = ["BUNDLE_FILE", "config_of", "open_bundle", "parse_config", "read_bundle", "refuse_length"]

BUNDLE_FILE = "aver.yaml"
_LONGEST = 2 * 10**6
"""Characters. Thousands of models fit; what is longer takes minutes to read, and is another file."""


def read_bundle(directory: Path) -> GatewayConfig:
    """What the bundle in ``directory`` declares for the gateway; ``directory`` may also be the file itself.

    Raises :class:`SettingsError` as :func:`parse_config` does, and when a file that is named does not exist.
    """
    root, folder = open_bundle(directory)
    return config_of(root, bundle=folder)


def open_bundle(directory: Path) -> tuple[YamlValue, Path]:
    """What is written in the bundle's file, and the folder it is in. Raises :class:`SettingsError` for what cannot be read as YAML."""
    path = directory / BUNDLE_FILE if directory.is_dir() else directory
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{path} cannot be read: {reason}", f"Put {BUNDLE_FILE} there, readable.") from None
    return _parsed(text, str(path)), path.parent


def parse_config(text: str, name: str, *, bundle: Path | None = None) -> GatewayConfig:
    """What ``text``, called ``name`` in errors, declares for the gateway, as :func:`config_of` says."""
    return config_of(_parsed(text, name), bundle=bundle)


def config_of(root: YamlValue, *, bundle: Path | None = None) -> GatewayConfig:
    """What a bundle's file declares for the gateway. Sections of other parts of Aver are passed over.

    Raises :class:`SettingsError` with ``NAME:LINE`` for what is misspelt, missing, unknown or contradictory, and for files that are
    named but not in ``bundle``, where that is given.
    """
    if root.is_null:
        return GatewayConfig()
    config: GatewayConfig = GATEWAY.read(root)
    for problem in problems(config):
        raise _place(root, problem.path).error(problem.cause, problem.next_step)
    for route in config.routes.values():
        if bundle and route.learned and not (bundle / route.learned.model).is_file():
            place = _place(root, ("routes", route.name, "learned", "model"))
            cause = f"there is no file {route.learned.model!r} in the bundle"
            raise place.error(cause, "Train the router, or correct the name.")
    return config


def _parsed(text: str, name: str) -> YamlValue:
    refuse_length(text, name)
    return parse_yaml(text, name)


def refuse_length(text: str, name: str) -> None:
    """Raises :class:`SettingsError` for a text that is too long to be read."""
    if len(text) > _LONGEST:
        cause = f"{name}:1: the file has {len(text):,} characters, and at most {_LONGEST:,} are read"
        raise SettingsError(cause, "Check that it is the right file, or divide what it declares.")


def _place(value: YamlValue, path: tuple[str | int, ...]) -> YamlValue:
    """The value at the end of ``path``, or the last on the way that was written. What has parts is shown at its name, above them."""
    found = value
    for step in path:
        if isinstance(value.node, yaml.SequenceNode) and isinstance(step, int):
            value = found = value.items()[step]
        elif isinstance(value.node, yaml.MappingNode):
            match = [(key, each) for key, each in keyed(value) if key.text() == step]
            if not match:
                break
            key, value = match[0]
            found = value if isinstance(value.node, yaml.ScalarNode) else key
    return found
