"""Measurements of any floor, each beside the same work done with no engine; nothing imports this package."""
