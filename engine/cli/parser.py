"""The options of a verb, read from the words that were typed.

Owns the options that every verb has, the form of a verb's help and what is said about a word that does not fit. What the
words mean is the verb's.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, Protocol

__all__ = ["About", "Parser", "Verb", "amount", "parse", "parse_common"]

#: Columns of a help text at most: wider lines are hard to read.
WIDTH = 100
#: What the examples stand under.
EXAMPLES = "Examples"


class About(NamedTuple):
    """What the help of a verb says.

    usage: the words after `engine VERB`.  text: what it does.  examples: lines to type.
    """

    usage: str
    text: str
    examples: str


class Verb(Protocol):
    """The module of a verb."""

    ABOUT: About

    def add_arguments(self, parser: Parser) -> None:
        """Declare the verb's own words."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; returns the exit code."""


class Parser(argparse.ArgumentParser):
    """A parser that raises Misuse instead of ending the process. line: what the verb does, in a few words."""

    line = ""

    def error(self, message: str) -> NoReturn:
        """Raises Misuse with a message that says where more is to be read."""
        from engine.cli.misuse import Misuse

        said = message.removeprefix("argument ").replace("the following arguments are required:", "missing:")
        raise Misuse(f"{said}{' See' if said.endswith('?') else '; see'}: {self.prog} --help")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The options that the words say. Raises Misuse, naming the nearest option for one that there is not."""
        options, strangers = self.parse_known_intermixed_args(words)
        if strangers:
            from engine.cli.misuse import meant

            word = strangers[0]
            flags = [flag for action in self._actions for flag in action.option_strings if len(flag) > 2]
            if not word.startswith("-"):
                self.error(f"{word!r} is one word too many")
            option = word.partition("=")[0]
            self.error(f"there is no option {option}{meant(option, flags)}")
        return options

    def format_help(self) -> str:
        """The help: a line that says what this is, then sections whose headings stand alone on their lines."""
        lines = super().format_help().splitlines()
        titles = {f"{group.title}:": group.title for group in self._action_groups}
        shown = [titles.get(line) or line for line in lines]
        return "\n".join([f"{self.prog}: {self.line}", "", *shown]) + "\n"


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=_width())

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Paragraphs as wide as there is room; one that begins with a blank, and the examples, stay as they are."""
        if text.startswith(EXAMPLES):
            return text
        return "\n\n".join(
            part if part[0] == " " else argparse.HelpFormatter._fill_text(self, part, width, indent)
            for part in text.split("\n\n")
        )

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """`-f, --file FILE`: what follows an option is said once."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"

    def _format_usage(self, usage: str | None, actions: Any, groups: Any, _prefix: str | None) -> str:
        return super()._format_usage(usage, actions, groups, "Usage\n  ")


def _width() -> int:
    try:
        return min(os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH, WIDTH)
    except (OSError, ValueError):
        return WIDTH


def amount(read: str) -> Callable[[str], Any]:
    """A reader for an option's text, by the name of a function of engine.units, such as `parse_seconds`."""

    def reader(text: str) -> Any:
        from engine import units

        try:
            return getattr(units, read)(text)
        except ValueError as refused:
            raise argparse.ArgumentTypeError(str(refused)) from refused

    return reader


def parse(name: str, line: str, verb: Verb, words: Sequence[str]) -> argparse.Namespace:
    """The options of a verb. line: what it does, in a few words.  Raises Misuse, SystemExit after a help."""
    about = verb.ABOUT
    parser = Parser(
        prog=f"engine {name}",
        usage=f"engine {name} {about.usage}".rstrip(),
        description=about.text.strip(),
        epilog=f"{EXAMPLES}\n{about.examples.rstrip()}",
        formatter_class=_Help,
        allow_abbrev=False,
        add_help=False,
    )
    parser.line = line
    parser._positionals.title = "What"
    parser._optionals.title = "Options"
    verb.add_arguments(parser)
    _add_common(parser.add_argument_group("Options of every verb"))
    return parser.read(words)


def parse_common(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command that has no verb. Raises Misuse."""
    parser = Parser(prog="engine", allow_abbrev=False, add_help=False)
    _add_common(parser)
    return parser.read(words)


def _add_common(group: argparse._ActionsContainer) -> None:
    group.add_argument("--name", metavar="NAME", help="which engine (default: ENGINE_NAME, else engine)")
    group.add_argument("-f", "--file", metavar="FILE", help="its pools.yaml (default: ENGINE_POOLS, else ./pools.yaml)")
    group.add_argument("--json", action="store_true", help="results and errors as JSON")
    group.add_argument("-q", "--quiet", action="store_true", help="no hints and no progress")
    group.add_argument("--no-color", action="store_true", help="no colours")
    group.add_argument("--debug", action="store_true", help="a traceback with an error")
    group.add_argument("-h", "--help", action="help", help="this text")
