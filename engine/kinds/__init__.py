"""The kinds of agents that come with the engine: memory that agents share, and topics that they publish to.

Workers load them by reference; they know the floor of the pools only.
"""
