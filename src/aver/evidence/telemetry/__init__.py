"""Traces, measurements and events, as a reading of evidence; OpenTelemetry's protocol and names at the edge."""

from aver.evidence.telemetry.instruments import INSTRUMENTS, LABELS, Instrument
from aver.evidence.telemetry.service import Telemetry
from aver.evidence.telemetry.types import Event

__all__ = ["INSTRUMENTS", "LABELS", "Event", "Instrument", "Telemetry"]
