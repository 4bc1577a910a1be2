"""The floor of agents: their programming model, the workers they live in, and the way of a task to them.

It stands on `checkpoints` and knows nothing of command lines, configuration files or sprints. Import its modules by name;
the package itself loads nothing.
"""
