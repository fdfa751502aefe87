"""Incidents: what happened, to whom, what had changed, how soon it was seen and how soon it was over."""
