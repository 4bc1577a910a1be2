"""The classes of the agents whose state is kept in `data`, as they were when it was made. Not to be changed."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from engine import Agent, Log, Table


class Annal(Agent):
    """Has every kind of field."""

    title: str = "none"
    pages: int = 0
    share: float = 0.5
    is_open: bool = False
    raw: bytes = b""
    maybe: int | None = None
    tags: list[Any]
    index: dict[str, Any]
    lines: Log[Any]
    marks: Table[Any]

    def write(self, number: int) -> None:
        """Change every field in a way of its own."""
        self.title = f"chapter {number} — «é»"
        self.pages += number
        self.share = number / 7
        self.is_open = not self.is_open
        self.raw = bytes([number % 256, 0, 255])
        self.maybe = None if number % 3 else -number
        self.tags.append({"deep": [number, None]})
        self.index.setdefault("by", {})[f"n{number}"] = [number]
        self.lines.append(f"line {number}")
        self.lines.append({"number": number})
        self.marks[f"m{number}"] = {"number": number}
        self.marks.pop(f"m{number - 3}", None)

    def show(self) -> dict[str, Any]:
        """All of the state, as it is kept."""
        shown = {name: getattr(self, name) for name in type(self)._fields}
        for name, value in shown.items():
            if isinstance(value, bytes):
                shown[name] = base64.b64encode(value).decode()
            elif isinstance(value, Log):
                shown[name] = list(value)
            elif isinstance(value, Table):
                shown[name] = dict(value)
        return shown


class Post(Agent):
    """Tells others, and itself later; can be busy for ever."""

    heard: list[Any]

    def send(self, address: str, text: Any, ctx: Any) -> None:
        """Tell another one."""
        ctx.tell(address, "hear", text)

    def later(self, after_s: float, text: str, ctx: Any) -> None:
        """Hear something later."""
        ctx.timer(after_s, "hear", text)

    def make(self, key: str, ctx: Any) -> None:
        """Make another post, and tell it something."""
        ctx.spawn("post", key)
        ctx.tell(f"post/{key}", "hear", "made")

    def hear(self, text: Any) -> None:
        """Note it."""
        self.heard.append(text)

    async def hold(self) -> None:
        """Be busy until the process ends."""
        await asyncio.get_running_loop().create_future()

    def show(self) -> dict[str, Any]:
        """All of the state."""
        return {"heard": self.heard}
