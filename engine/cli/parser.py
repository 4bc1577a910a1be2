"""The options of a verb, read from the words that were typed.

Owns the options that every verb has, the form of a verb's help and what is said about a word that does not fit. What the
words mean is the verb's.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, Protocol

__all__ = [
    "BEFORE_FILE", "FORMS", "About", "Offer", "Parser", "Verb", "add_log_flags", "amount", "build", "parse", "parse_common",
]  # fmt: skip

#: Columns of a help text at most, as wider lines are hard to read; and where it is not known how wide a terminal is.
WIDTH, PIPE_WIDTH = 100, 80
#: What -f and --file before a verb are called: behind it they may mean something else.
BEFORE_FILE = "--pools-yaml"
#: What argparse says of words that are missing, of those too that need not be there.
REQUIRED = "the following arguments are required: "
#: What the examples stand under.
EXAMPLES = "Examples"
#: The forms of output: for people; one JSON document; a JSON document a row.
FORMS = ("table", "json", "ndjson")
#: How a word begins that is a number or a time, such as -5 and -90s, and no option.
_NUMBER = re.compile(r"-\.?[0-9]")
#: Stands before a word behind `--` until all are read: it is no option, whatever it begins with.
PLAIN = "\0"
#: What a word may be: one of these texts, or something to be looked up by its name, such as `agents`; by the action before it.
Offer = str | tuple[str, ...] | Mapping[str, "str | tuple[str, ...]"]


class About(NamedTuple):
    """What the help of a verb says.

    usage: the words after `engine VERB`.  text: what it does.  examples: lines to type.
    actions: what its first word may be, each with what that does in a few words; `a b` where a second word says it.
    """

    usage: str
    text: str
    examples: str
    actions: Mapping[str, str] = MappingProxyType({})


class Verb(Protocol):
    """The module of a verb."""

    ABOUT: About

    def add_arguments(self, parser: Parser) -> None:
        """Declare the verb's own words."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; returns the exit code."""


class Parser(argparse.ArgumentParser):
    """A parser that raises Misuse instead of ending the process.

    line: what the verb does, in a few words.  offers: what the values of options and words may be, for completion.
    """

    def __init__(self, **facts: Any) -> None:
        super().__init__(**{**facts, "allow_abbrev": False, "add_help": False})
        self._negative_number_matcher = _NUMBER
        self.line = ""
        self.offers: dict[str, Offer] = {}

    def offer(self, **offers: Offer) -> None:
        """Say what the values of some options and words may be, by the names that they have in the options that are read."""
        self.offers |= offers

    def error(self, message: str) -> NoReturn:
        """Raises Misuse with a message that says where more is to be read."""
        from engine.cli.misuse import Misuse

        said = message.removeprefix("argument ").removeprefix("ACTION: ")
        if said.startswith(REQUIRED):
            named = {action.metavar: action for action in self._actions if action.nargs not in ("*", "?")}
            words = [word for word in said.removeprefix(REQUIRED).split(", ") if word in named]
            said = f"missing: {', '.join(words)}{_one_of(named[words[0]]) if len(words) == 1 else ''}"
        raise Misuse(f"{said}{' See' if said.endswith('?') else '; see'}: {self.prog} --help")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The options that the words say. Raises Misuse, naming the nearest option for one that there is not."""
        self._check_options(words)
        end = words.index("--") if "--" in words else len(words)
        options, strangers = self.parse_known_intermixed_args([*words[:end], *(f"{PLAIN}{word}" for word in words[end + 1 :])])
        for name, value in vars(options).items():
            setattr(options, name, _unmarked(value))
        if strangers:
            word = _unmarked(strangers[0])
            if word.startswith("-"):
                self._refuse(word)
            self.error(f"{word!r} is one word too many")
        return options

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raises ArgumentError for a word that is none of those that may stand here, naming the nearest one."""
        if action.choices is not None and value not in action.choices:
            from engine.cli.misuse import meant

            known = [str(one) for one in action.choices]
            if len(known) == 1:
                raise argparse.ArgumentError(None, f"write {known[0]}, not {_unmarked(value)!r}")
            said = f"{_unmarked(value)!r} is none of {', '.join(known)}{meant(str(value), known)}"
            raise argparse.ArgumentError(action, said)

    def _check_options(self, words: Sequence[str]) -> None:
        """Refuse an option that there is not, before anything is said about words that are missing."""
        for word in words:
            if word == "--":
                return
            if word.startswith("--") and " " not in word and word.partition("=")[0] not in self._option_string_actions:
                self._refuse(word)

    def _refuse(self, word: str) -> NoReturn:
        from engine.cli.misuse import meant

        option = word.partition("=")[0]
        flags = {flag[2:] for action in self._actions for flag in action.option_strings if len(flag) > 2}
        self.error(f"there is no option {option}{meant(option.lstrip('-'), flags, '--')}")

    def format_help(self) -> str:
        """The help: a line that says what this is, then sections whose headings stand alone on their lines."""
        lines = super().format_help().splitlines()
        titles = {f"{group.title}:": group.title for group in self._action_groups}
        shown = [titles.get(line) or line for line in lines]
        return "\n".join([f"{self.prog}: {self.line}", "", *shown]) + "\n"


class _Form(argparse.Action):
    """The form of output; `json` of the options says whether it is one for programs."""

    def __call__(self, _parser: argparse.ArgumentParser, options: argparse.Namespace, value: Any, *_given: Any) -> None:
        form = self.const or value
        options.output, options.json = form, form != FORMS[0]


class _ShowHelp(argparse.Action):
    """What -h does: it prints the help and ends the command."""

    def __call__(self, parser: argparse.ArgumentParser, *_given: Any) -> None:
        from engine.cli.headings import painted
        from engine.cli.screen import screen_of

        print(painted(parser.format_help(), screen_of(sys.stdout)), end="")
        parser.exit()


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

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        """`CLASS ...` where there may be several."""
        if action.nargs == argparse.ONE_OR_MORE and isinstance(action.metavar, str):
            return f"{action.metavar} ..."
        return super()._format_args(action, default_metavar)

    def _format_usage(self, usage: str | None, actions: Any, groups: Any, _prefix: str | None) -> str:
        return super()._format_usage(usage, actions, groups, "Usage\n  ")


def _one_of(action: argparse.Action) -> str:
    """What a missing word may be, where that is a few words."""
    if action.choices is not None and len(list(action.choices)) > 1:
        return f", one of {', '.join(map(str, action.choices))}"
    return f", {action.help}" if (action.help or "").startswith("one of ") else ""


def _unmarked(value: Any) -> Any:
    """A word, or each of some, without what kept it from being read as an option."""
    if isinstance(value, list):
        return [_unmarked(one) for one in value]
    return value.removeprefix(PLAIN) if isinstance(value, str) else value


def _width() -> int:
    try:
        return min(os.get_terminal_size(sys.stdout.fileno()).columns or PIPE_WIDTH, WIDTH)
    except (OSError, ValueError):
        return PIPE_WIDTH


def amount(read: str) -> Callable[[str], Any]:
    """A reader for an option's text, by the name of a function of engine.units, such as `parse_seconds`."""

    def reader(text: str) -> Any:
        from engine import units

        try:
            return getattr(units, read)(text)
        except ValueError as refused:
            raise argparse.ArgumentTypeError(str(refused)) from refused

    return reader


def add_log_flags(parser: Parser) -> None:
    """Declare how the log of an engine that is started is written."""
    parser.add_argument("--log-format", metavar="FORM", help="text or json (default: log.format of pools.yaml, else text)")
    parser.add_argument("--log-level", metavar="LEVEL", help="what matters less is left out (default: log.level, else info)")


def parse(name: str, line: str, verb: Verb, words: Sequence[str]) -> argparse.Namespace:
    """The options of a verb. line: what it does, in a few words.  Raises Misuse, SystemExit after a help."""
    return build(name, line, verb).read(words)


def build(name: str, line: str, verb: Verb) -> Parser:
    """The parser of a verb. line: what it does, in a few words."""
    about = verb.ABOUT
    parser = Parser(
        prog=f"engine {name}",
        usage=f"engine {name} {about.usage}".rstrip(),
        description=about.text.strip(),
        epilog=f"{EXAMPLES}\n{about.examples.rstrip()}",
        formatter_class=_Help,
    )
    parser.line = line
    parser._positionals.title = "What"
    parser._optionals.title = "Options"
    verb.add_arguments(parser)
    _add_common(parser.add_argument_group("Options of every verb"), parser._option_string_actions)
    parser.offer(name="engines", file="files", output=FORMS)
    return parser


def parse_common(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command that has no verb. Raises Misuse."""
    parser = Parser(prog="engine")
    _add_common(parser)
    return parser.read(words)


def _add_common(group: argparse._ActionsContainer, own: Collection[str] = ()) -> None:
    """Declare the options of every verb. own: those that the verb has for something else."""
    group.add_argument("--name", metavar="NAME", help="which engine (default: ENGINE_NAME, else engine)")
    flags = [flag for flag in ("-f", "--file") if flag not in own]
    if flags:
        group.add_argument(
            *flags, dest="file", metavar="FILE", help="its pools.yaml (default: ENGINE_POOLS, else ./pools.yaml)"
        )
    group.add_argument(BEFORE_FILE, dest="file", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    group.set_defaults(output=FORMS[0], json=False)
    form: dict[str, Any] = {"dest": "output", "action": _Form}
    group.add_argument(
        "-o", "--output", **form, choices=FORMS, metavar="FORM", help="table; json, a document; ndjson, a row a line"
    )
    group.add_argument("--json", **form, nargs=0, const="json", help="the same as -o json: results and errors as JSON")
    group.add_argument("-q", "--quiet", action="store_true", help="no hints and no progress")
    group.add_argument("--no-color", action="store_true", help="no colours")
    group.add_argument("--debug", action="store_true", help="a traceback with an error")
    group.add_argument("-h", "--help", action=_ShowHelp, nargs=0, help="this text")
