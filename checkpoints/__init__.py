"""The lowest floor: what is kept of agents, as bytes under keys.

It knows keys, bytes and shard numbers; it never imports another floor.
"""
