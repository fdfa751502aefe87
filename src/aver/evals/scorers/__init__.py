"""How responses are judged: one kind a file, each a :class:`~aver.evals.types.Scorer`; ``registry.py`` knows them by name."""
