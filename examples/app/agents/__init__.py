"""The agents that build the app, a kind for each role; each task makes or judges one file."""
