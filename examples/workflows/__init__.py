"""Workflows in YAML, each with the agents that do its work: `engine workflow run examples/workflows/words.yaml`.

Every one is deterministic: the same input gives the same output, on any machine and however its parts are dealt out.
"""
