"""An agent that takes as long as it is told, or fails, where its number is below a limit: so one pool of several can be made
slow or bad. Agents of a range stand in their pools in the order of their numbers."""

from __future__ import annotations

import asyncio

from pools.agent import Agent

__all__ = ["Sleeper"]


class Sleeper(Agent):
    """Waits, and says its number."""

    done: int = 0

    async def rest(self, below: int, slow_s: float, usual_s: float) -> int:
        """Wait slow_s seconds if its number is below the limit, else usual_s."""
        number = int(self.key)
        await asyncio.sleep(slow_s if number < below else usual_s)
        return number

    def fail(self, below: int) -> int:
        """Fail if its number is below the limit."""
        number = int(self.key)
        if number < below:
            raise RuntimeError(f"{number} is below {below}")
        return number
