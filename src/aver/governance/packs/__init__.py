"""Evidence of a period put together for somebody who trusts nobody: it verifies with one file, and nothing of Aver."""
