"""Mitigation: what can be done about an incident, by a person or of itself; each thing on record, and taken back by one word."""
