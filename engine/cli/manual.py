"""The help of a verb as data, for programs and for the reference.

Owns the form of such a page. What it says is the verb's.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from engine.cli.parser import Parser, Verb, build

__all__ = ["Option", "Page", "actions_of", "page_of", "parser_of"]


class Option(NamedTuple):
    """An option or a word of a verb. names: as it is written, empty for a word.  value: what follows, in capitals, or ""."""

    names: tuple[str, ...]
    value: str
    help: str

    def as_dict(self) -> dict[str, Any]:
        """The option as JSON shows it."""
        return {"names": list(self.names), "value": self.value, "help": self.help}


class Page(NamedTuple):
    """What the help of a verb says. usage: a line for each way to say it.  words, options: its own; common: every verb's."""

    name: str
    line: str
    usage: list[str]
    text: str
    actions: Mapping[str, str]
    words: list[Option]
    options: list[Option]
    common: list[Option]
    examples: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The page as JSON shows it."""
        lists = {name: [one.as_dict() for one in getattr(self, name)] for name in ("words", "options", "common")}
        return {**self._asdict(), "actions": dict(self.actions), **lists}


def parser_of(name: str, line: str) -> Parser:
    """The parser of a verb. line: what it does, in a few words."""
    return build(name, line, _module(name))


def actions_of(name: str) -> Mapping[str, str]:
    """What the first words of a verb may be, each with what it does."""
    return _module(name).ABOUT.actions


def page_of(name: str, line: str) -> Page:
    """The page of a verb. line: what it does, in a few words."""
    parser, about = parser_of(name, line), _module(name).ABOUT
    own, common = parser._action_groups[:-1], parser._action_groups[-1]
    every = [one for group in own for one in _options(group)]
    return Page(
        name=name,
        line=line,
        usage=[row.rstrip() for row in f"engine {name} {about.usage}".splitlines()],
        text=about.text.strip(),
        actions=about.actions,
        words=[one for one in every if not one.names],
        options=[one for one in every if one.names],
        common=_options(common),
        examples=[row.strip() for row in about.examples.rstrip().splitlines()],
    )


def _module(name: str) -> Verb:
    module: Any = import_module(f"engine.cli.verbs.{name}")
    verb: Verb = module
    return verb


def _options(group: argparse._ArgumentGroup) -> list[Option]:
    """Those that are told of."""
    return [_option(action) for action in group._group_actions if action.help != argparse.SUPPRESS]


def _option(action: argparse.Action) -> Option:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    value = "" if action.nargs == 0 else metavar
    return Option(tuple(action.option_strings), value, (action.help or "").replace("%%", "%"))
