"""What is kept of agents, looked at from its files alone: no engine, no lock, no class of the user's.

Only `mend` writes, and only where it holds a store's lock.
"""
