"""What may stand where the cursor is, of a command that is being typed.

Pure, but for what it asks of `look`: it reads the words as far as they go with the parser of their verb, and knows which option
or word comes next. The answer is candidates, and whether names of files may stand there too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.cli.main import VALUED, VERBS, as_before
from engine.cli.manual import actions_of, parser_of
from engine.cli.parser import Offer, Parser

__all__ = ["Candidate", "Look", "Reply", "Typed", "candidates_of"]

#: What is completed by the shell itself.
PATHS = ("files", "folders")


class Candidate(NamedTuple):
    """Something that may stand there. is_whole: whether a blank follows it."""

    text: str
    about: str = ""
    is_whole: bool = True


class Typed(NamedTuple):
    """What was typed before the word at the cursor. words: of the verb, without options.  values: of its options, by name."""

    words: list[str]
    values: dict[str, str]


class Reply(NamedTuple):
    """The candidates that begin as the word does, and `files` or `folders` where such may stand there too."""

    candidates: list[Candidate]
    paths: str = ""


#: Looks up what there is under a name such as `agents`, for what was typed and the word at the cursor.
Look = Callable[[str, Typed, str], Iterable[Candidate]]


def candidates_of(words: Sequence[str], look: Look) -> Reply:
    """What may stand in the place of the last word, of the words behind `engine`."""
    *before, current = words or [""]
    at = 0
    while at < len(before) and before[at].startswith("-"):
        at += 2 if before[at] in VALUED else 1
    if at >= len(before):
        return _at_front(before, current, look)
    verb = before[at]
    if verb not in VERBS:
        return Reply([])
    return _Place(verb, [*map(as_before, before[:at]), *before[at + 1 :]], current, look).reply()


def _at_front(before: Sequence[str], current: str, look: Look) -> Reply:
    """Where no verb was typed yet."""
    if current.startswith("-") or (before and before[-1] in VALUED):
        return _Place("version", before, current, look).reply()
    return Reply([Candidate(verb, line) for verb, line in VERBS.items() if verb.startswith(current)])


class _Place:
    """The place of the cursor in the words of a verb."""

    def __init__(self, verb: str, before: Sequence[str], current: str, look: Look) -> None:
        self._parser: Parser = parser_of(verb, VERBS[verb])
        self._actions: Mapping[str, str] = actions_of(verb)
        self._look = look
        self._current = current
        self._typed = Typed([], {})
        #: The option whose value the next word is, and whether it must be.
        self._pending: argparse.Action | None = None
        self._must = False
        self._is_behind = False
        for word in before:
            self._read(word)

    def _read(self, word: str) -> None:
        if self._is_behind or not word.startswith("-") or word == "-":
            if self._pending is None:
                self._typed.words.append(word)
                return
            self._typed.values[self._pending.dest] = word
            self._pending = self._pending if self._pending.nargs in ("+", "*") else None
            self._must = False
        elif word == "--":
            self._is_behind, self._pending = True, None
        else:
            name, equals, value = word.partition("=")
            action = self._parser._option_string_actions.get(name)
            self._pending = None
            if action is not None and equals:
                self._typed.values[action.dest] = value
            elif action is not None and action.nargs != 0:
                self._pending, self._must = action, action.nargs not in ("?", "*")
            elif action is not None:
                self._typed.values[action.dest] = ""

    def reply(self) -> Reply:
        """What may stand there."""
        current = self._current
        name, equals, value = current.partition("=")
        option = self._parser._option_string_actions.get(name)
        if equals and option is not None and name.startswith("--"):
            found = self._of_value(option, value)
            return Reply([one._replace(text=f"{name}={one.text}") for one in found.candidates], found.paths)
        if self._pending is not None and (self._must or not current.startswith("-")):
            found = self._of_value(self._pending, current)
            if self._must or found.candidates or found.paths:
                return found
        if current.startswith("-") and not self._is_behind:
            return Reply(self._options())
        found = self._of_word()
        return found if found.candidates or found.paths or current else Reply(self._options())

    def _options(self) -> list[Candidate]:
        shown = []
        for action in self._parser._actions:
            if action.help == argparse.SUPPRESS:
                continue
            is_used = action.dest in self._typed.values and action.nargs not in ("+", "*")
            for option in action.option_strings:
                is_named = len(option) > 2 or self._current in ("-", option)
                if option.startswith(self._current) and is_named and not is_used:
                    shown.append(Candidate(option, (action.help or "").replace("%%", "%")))
        return shown

    def _of_value(self, action: argparse.Action, current: str) -> Reply:
        """What the value of an option may be."""
        if action.choices is not None:
            return Reply([Candidate(str(one)) for one in action.choices if str(one).startswith(current)])
        return self._offered(self._parser.offers.get(action.dest, ()), current)

    def _of_word(self) -> Reply:
        """What the next word may be that belongs to no option."""
        words, current = self._typed.words, self._current
        found = Reply([])
        behind = " ".join(words)
        actions = {
            action.removeprefix(f"{behind} ").partition(" ")[0]: about
            for action, about in self._actions.items()
            if not behind or action.startswith(f"{behind} ")
        }
        slots = [action for action in self._parser._actions if not action.option_strings]
        if slots:
            slot = slots[min(len(words), len(slots) - 1)]
            has_room = len(words) < len(slots) or slot.nargs in ("*", "+")
            offer = self._parser.offers.get(slot.dest, ())
            if has_room and isinstance(offer, Mapping):
                found = self._offered(self._by_action(offer), current)
            elif has_room:
                found = self._of_value(slot, current)
        return Reply(
            [Candidate(one, about) for one, about in actions.items() if one.startswith(current)] + found.candidates, found.paths
        )

    def _by_action(self, offer: Mapping[str, str | tuple[str, ...]]) -> str | tuple[str, ...]:
        """What is offered behind the action that was typed, which may have two words; `""` is what stands in its place."""
        words = self._typed.words
        for said in (" ".join(words[:2]), *words[:1]):
            if said and said in offer:
                return offer[said]
        return offer.get("", ()) if not words else ()

    def _offered(self, offer: Offer, current: str) -> Reply:
        if isinstance(offer, tuple):
            return Reply([Candidate(one) for one in offer if one.startswith(current)])
        if offer in PATHS:
            return Reply([], str(offer))
        found = self._look(str(offer), self._typed, current)
        return Reply([one for one in found if one.text.startswith(current)])
