"""How the tagger of personal data is trained: what it reads, and how its weights are found."""
