"""Answering for it: evidence packs, controls, anchors outside, the inventory."""
