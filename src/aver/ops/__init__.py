"""Running it: objectives and their budgets, alerts, incidents; all of it read from evidence."""
