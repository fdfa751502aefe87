"""Drafts of labelled sets, made from the documents themselves: for a person to confirm, not to be believed."""
