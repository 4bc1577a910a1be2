"""The log of an engine: what happened and what was said, as lines of files."""
