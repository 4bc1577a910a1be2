"""The pools of an engine that is made in code: given, read from a file, or one for this machine.

Owns the choice. What a file may say is `config`'s knowledge, what fits the machine `capacity`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.capacity import check_pools
from engine.machine import read_machine
from pools.spec import AGENTS_TOTAL, ForesightSpec, PoolSpec

__all__ = ["pools_of"]


def pools_of(
    pools: Sequence[PoolSpec] | str | Path | None, limit: int | None, kinds: Mapping[str, str]
) -> tuple[Sequence[PoolSpec], int, list[str], ForesightSpec]:
    """The pools, the most agents in all, the references of kinds that a file names, and how it sets foresight."""
    machine = read_machine()
    if pools is None:
        agents = AGENTS_TOTAL if limit is None else limit
        return [PoolSpec("p1", agents=agents, workers=max(int(machine.cores) - 1, 1))], agents, [], ForesightSpec()
    if isinstance(pools, str | Path):
        from engine.config import load

        flags = {f"kinds.{kind}": reference for kind, reference in kinds.items()}
        config = load(Path(pools), flags=flags, environ={}, cwd=Path.cwd(), machine=machine)
        more = [reference for kind, reference in config.kinds.items() if kind not in kinds]
        return config.pools, config.agents_limit if limit is None else limit, more, config.foresight
    agents = sum(pool.agents for pool in pools) if limit is None else limit
    check_pools(pools, agents, machine)
    return pools, agents, [], ForesightSpec()
