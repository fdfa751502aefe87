"""Public fakes and contract suites for people who build on Aver."""
