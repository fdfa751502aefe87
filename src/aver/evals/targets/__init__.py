"""What is evaluated: one kind a file, each a :class:`~aver.evals.types.Target`."""
