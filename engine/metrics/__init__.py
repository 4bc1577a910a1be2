"""What is counted of an engine, in the form that Prometheus reads: a client of its socket, never a part of it."""
