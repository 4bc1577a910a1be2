"""How one's own agents are tested: run `pytest examples/testing`."""
