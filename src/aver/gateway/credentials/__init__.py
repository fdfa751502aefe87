"""Where a provider's secret comes from, and how it is put on a request. No secret stands in configuration, logs or errors."""

from aver.gateway.credentials.secrets import Secrets
from aver.gateway.credentials.signers import signer
from aver.gateway.credentials.types import SCHEMES, Reference, SecretSource

__all__ = ["SCHEMES", "Reference", "SecretSource", "Secrets", "signer"]
