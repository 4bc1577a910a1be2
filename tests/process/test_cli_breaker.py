"""`engine breaker` against a daemon: what an operator sees, holds open, and lets go."""

from __future__ import annotations

POOLS = """\
durability: {durability}
agents: 40
breaker:
  open: 20s
  jitter: 0%
pools:
  p1: {{agents: 20}}
  p2: {{agents: 20}}
"""
