"""Several machines, each with an engine of its own, as one swarm."""
