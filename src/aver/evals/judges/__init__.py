"""Models that judge responses, as instruments: what they are asked, how they err against people's labels, and whether they may gate."""
