"""What a gateway survives: every provider fault, against a configuration's own routes, with fake providers on this machine."""

from aver.testing.selftest.faults import FAULTS, Fault
from aver.testing.selftest.opening import open_gateway
from aver.testing.selftest.run import selftest
from aver.testing.selftest.sample import SAMPLE
from aver.testing.selftest.scorecard import Finding, Scorecard

__all__ = ["FAULTS", "SAMPLE", "Fault", "Finding", "Scorecard", "open_gateway", "selftest"]
