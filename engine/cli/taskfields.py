"""What a line of `engine submit` may say beside what is called, and the options that say it for every line.

Owns the table of the help, and those options.
"""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from engine.cli.parser import Parser, amount

if TYPE_CHECKING:
    from engine.options import Options

__all__ = ["TABLE", "add_defaults", "defaults_of"]

#: The fields of a task line, as the help shows them.
TABLE = """\
  id             what the task is called: a number, or a text of up to 200
                 characters. The same id with the same body is the same task,
                 with another body it is refused (DuplicateTask)
  key            the same as id, in its place
  agent | kind   kind/key, or a kind: then the engine chooses one of its agents
  method, args   what is called; args is a list, or an object of names
  priority       low, normal, high or critical (normal). The higher go first; of
                 8 that a worker is given while lower ones wait, one is lower
  after          ids of tasks that must be done first, also of later ones
  after_failed   if one of them was not done: fail, wait (until it was tried
                 again) or ignore (fail)
  after_unknown  if one of them is not there yet: wait, fail or ignore (wait)
  delay_s        seconds after its acceptance before which it does not begin
  deadline_s     seconds after its acceptance at which it expires; deadline_at
                 says it in seconds since 1970
  timeout_s      seconds that one attempt may take
  retries        attempts after the first, if it fails: 0 to 100 (0)
  retry_on       types of the errors after which there is another attempt (all
                 that another attempt may not meet again)
  backoff_s      seconds before the first retry, doubled each time up to a
                 minute, by chance down to the half (0.1)
  tags, tenant   words to find it by; for whom it is run
  skills, sticky for a kind: what its agent must be able to do; tasks with the
                 same sticky go to the same agent
  memory_bytes   what it needs, as far as that is known
  count_effects  true: the engine counts what the task changes, and times it"""

#: The options that are defaults of every line, with the field that each of them stands for.
FLAGS = {
    "priority": "priority", "tenant": "tenant", "tag": "tags", "retries": "retries", "retry_on": "retry_on",
    "timeout": "timeout_s", "delay": "delay_s",
}  # fmt: skip


def add_defaults(parser: Parser) -> None:
    """Declare the options that are defaults of every line."""
    parser.add_argument("--priority", type=_priority, metavar="PRIORITY", help="low, normal, high or critical")
    parser.add_argument("--tenant", metavar="TENANT", help="for whom they are run")
    parser.add_argument("--tag", action="append", metavar="TAG", help="a word to find them by; may be said again")
    parser.add_argument("--retries", type=amount("parse_count"), metavar="N", help="attempts after the first, if one fails")
    parser.add_argument("--retry-on", action="append", metavar="TYPE", help="only after such errors; may be said again")
    parser.add_argument(
        "--timeout", type=amount("parse_seconds"), metavar="TIME", help="that one attempt may take, such as 30s"
    )
    parser.add_argument("--delay", type=amount("parse_seconds"), metavar="TIME", help="before which they do not begin")


def _priority(text: str) -> str:
    from engine.cli.misuse import meant
    from pools.ranked import PRIORITIES

    if text.lower() not in PRIORITIES:
        raise ArgumentTypeError(f"{text!r} is none of {', '.join(PRIORITIES)}{meant(text, PRIORITIES)}")
    return text.lower()


def defaults_of(options: Namespace) -> Options:
    """The options of what lines do not say; a command that has no such options says nothing. Raises Misuse."""
    from engine.cli.misuse import Misuse
    from engine.errors import BadArgument
    from engine.options import options_of

    said = {name: getattr(options, flag, None) for flag, name in FLAGS.items()}
    try:
        return options_of({name: value for name, value in said.items() if value is not None})
    except BadArgument as error:
        raise Misuse(str(error)) from error
