"""Pictures of the dashboard, taken from an engine at work: `python -m examples.screenshots`."""
