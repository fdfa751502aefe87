"""Attacks on what is to be released, with checks that tell by rule whether each worked: no judge is asked."""
