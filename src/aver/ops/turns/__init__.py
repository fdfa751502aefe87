"""An index of turns, one row each: what lists, filters and counts them is a reading of evidence, and is made again from it when it is missing."""
