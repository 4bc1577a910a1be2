"""The `engine` commands in a line for a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

__all__ = ["commands_in"]


def commands_in(line: str) -> Iterator[list[str]]:
    """The words of each `engine` command in a line for a shell, also in `$(…)` and behind `|`, `&&` and `||`."""
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        yield from commands_in(inner)
    line = re.sub(r'"?\$\([^()]*\)"?', "VALUE", line)
    if line.startswith("engine "):
        line = re.sub(r"\s{2,}.*$", "", line)  # what it does stands behind it
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;"):
            if command[:1] == ["engine"]:
                yield command[1:]
            command = []
        elif set(word) <= set("<>"):
            command.append(">")
        elif command[-1:] == [">"]:
            command.pop()
        else:
            command.append(word)
