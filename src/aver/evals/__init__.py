"""Evaluation: labelled sets, what is measured on them with which certainty, conditions that must hold, and drafting such sets."""
