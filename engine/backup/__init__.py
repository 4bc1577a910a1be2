"""Copies of what an engine keeps: made while it works, verified, and restored elsewhere under names of their own."""
