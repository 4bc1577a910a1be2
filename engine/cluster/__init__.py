"""More than one machine: each node is a whole engine, ssh starts and stops them, NATS joins them."""
