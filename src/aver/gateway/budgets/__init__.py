"""Budgets and limits that hold across processes."""
