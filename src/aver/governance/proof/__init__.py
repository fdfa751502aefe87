"""What verifies an evidence pack, with the standard library alone: these modules joined are ``aver-verify.py``, which travels with packs."""
