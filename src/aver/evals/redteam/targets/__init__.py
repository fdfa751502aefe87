"""What is attacked: the assistant, an agent, a model. Each plants what an attack needs for the time of the attack alone."""
