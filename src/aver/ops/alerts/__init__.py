"""Alerts: what departs, fired once and resolved once; who is told, and who is not."""
