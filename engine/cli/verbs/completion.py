"""`engine completion`: what a shell needs to complete the words of `engine`."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from engine.cli.misuse import Misuse
from engine.cli.output import hint, show_json
from engine.cli.parser import About, Parser
from engine.cli.shells import SCRIPTS, place_of

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.completion/v1"

ABOUT = About(
    usage="bash|zsh|fish [--install] [--json]",
    text="""\
Prints the script with which a shell completes verbs, options and their values, and what there is of the engine that runs:
kinds, agents, pools, sprints, tasks. It asks the engine for a quarter of a second at most, and offers nothing where none runs.

With --install the script is written where this shell looks for it, for you alone; nothing else is changed. Where the shell
needs a line in its own configuration, that is said. The same again changes nothing.""",
    examples="""\
  engine completion bash --install
  source <(engine completion bash)
  engine completion zsh --install
  engine completion fish | source
""",
)

#: What has to be in the configuration of a shell, which is not ours to change.
NEEDS = {
    "bash": "bash finds it if the package bash-completion is there; else add to ~/.bashrc: source {file}",
    "zsh": "zsh finds it if these lines are in ~/.zshrc: fpath=({folder} $fpath); autoload -U compinit; compinit",
    "fish": "fish finds it by itself",
}


def add_arguments(parser: Parser) -> None:
    """For which shell."""
    parser.add_argument("shell", choices=SCRIPTS, metavar="SHELL", help="bash, zsh or fish")
    parser.add_argument("--install", action="store_true", help="write it where the shell looks for it")


def run(options: Namespace) -> int:
    """Print the script, or write it."""
    script = SCRIPTS[options.shell]
    if not options.install:
        if options.json:
            show_json({"schema": SCHEMA, "shell": options.shell, "script": script})
        else:
            print(script, end="")
        return 0
    file = place_of(options.shell, os.environ)
    is_changed = _write(file, script)
    needs = NEEDS[options.shell].format(file=file, folder=file.parent)
    if options.json:
        show_json({"schema": SCHEMA, "shell": options.shell, "file": str(file), "is_changed": is_changed, "needs": needs})
        return 0
    print(f"{'wrote' if is_changed else 'nothing to change in'} {file}")
    hint(options, f"{needs}\nit works in every shell that is started from now on")
    return 0


def _write(file: Path, script: str) -> bool:
    """Have a file with the script; returns whether it is new or changed. Raises Misuse for one that is somebody else's."""
    if file.is_file():
        there = file.read_text(errors="replace")
        if there == script:
            return False
        if "Made by: engine completion" not in there:
            raise Misuse(f"{file} is there already, and was not made by engine; move it away first")
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(script)
    part.replace(file)
    return True
