"""The scorecard as people read it: in words, as a page of one file, on paper."""
