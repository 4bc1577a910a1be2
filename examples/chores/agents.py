"""The agents of this example: who works, and who hears of it."""

from __future__ import annotations

from typing import Any

from engine import Agent, Context, Log

__all__ = ["Board", "Worker"]


class Worker(Agent):
    """Takes chores until none is left."""

    done: int = 0

    async def work(self, chores: list[str], ctx: Context) -> int:
        """Take what nobody has taken, in this order; returns how many that were."""
        for chore in chores:
            said = await ctx.ask("memory/chores", "cas", chore, 0, ctx.agent_id)
            if said["is_set"]:
                self.done += 1
                ctx.tell("topic/done", "publish", chore, ctx.agent_id)
        return self.done


class Board(Agent):
    """Hears what was done, and by whom."""

    lines: Log[str]

    def hear(self, message: dict[str, Any]) -> None:
        """Note one message of the topic."""
        self.lines.append(f"{message['value']} by {message['from']}")

    def show(self) -> list[str]:
        """Everything that was heard, sorted."""
        return sorted(self.lines)
