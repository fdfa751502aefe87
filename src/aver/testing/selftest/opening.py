"""How the gateway under test is made."""

from __future__ import annotations

from aver.gateway.config.types import GatewayConfig
from aver.gateway.credentials import signer
from aver.gateway.prices.types import Prices
from aver.gateway.service import Gateway
from aver.testing.selftest.stage import ENVIRONMENT

__all__ = ["open_gateway"]


def open_gateway(config: GatewayConfig, prices: Prices | None = None) -> Gateway:
    """This installation's gateway with nothing of it but the configuration and its prices: no caches, no budgets, no last resort."""
    return Gateway(lambda: config, signers=lambda provider: signer(provider, ENVIRONMENT), prices=prices)
