"""From declarations back to the text of a bundle."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import yaml

from aver.core.yaml import know_scalars
from aver.gateway.config.description import GATEWAY
from aver.gateway.config.types import GatewayConfig

__all__ = ["dump_config"]


class _Dumper(yaml.SafeDumper):
    """Writes what has no parts of its own in one line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _decimal(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    whole = value == value.to_integral_value()
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'int' if whole else 'float'}", f"{value:f}")


def _mapping(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.MappingNode:
    flat = len(value) <= 4 and not any(isinstance(each, dict) for each in value.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=flat)


def _sequence(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
    flat = not any(isinstance(each, dict) for each in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flat)


know_scalars(_Dumper)
_Dumper.add_representer(Decimal, _decimal)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)


def dump_config(config: GatewayConfig) -> str:
    """A valid configuration as YAML, without what is as by default; :func:`parse_config` reads an equal one from it."""
    plain = GATEWAY.write(config)
    if not plain:
        return ""
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
