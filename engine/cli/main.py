"""The front door of the command line: which verb is meant, and the code it ends with.

Owns the list of verbs, the help over all of them and the edge at which every error becomes a line and an exit code. It
imports nothing before a verb is chosen, so that `engine --help` costs little more than the interpreter.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise

from engine.cli.ending import Terminated, endings

__all__ = ["VALUED", "VERBS", "as_before", "front_page", "main"]

#: Every verb and its line in the help, in the order of use.
VERBS = {
    "spawn": "make agents exist; starts the engine if none runs",
    "start": "start the engine, without agents",
    "wait": "return once every worker runs",
    "stop": "end the engine",
    "run": "send a file of tasks, stream their results",
    "ask": "send one task, print its value",
    "submit": "have tasks accepted: each is done, whoever waits",
    "tasks": "accepted tasks: list, show, result, cancel, retry",
    "why": "why an accepted task stands as it does",
    "workflow": "steps of a YAML file for agents: run, check, ls",
    "sprint": "work on a backlog in time boxes, take releases back",
    "dlq": "accepted tasks that failed: list, show, requeue, drop",
    "monitor": "the dashboard: everything in one look, live and past",
    "stats": "everything counted, once or again and again",
    "recount": "count again what is shown, from the files",
    "ps": "the workers",
    "pools": "the pools, their limits and what they use: list, pause, resume",
    "agents": "the agents: list, filter, sort, show one, remove",
    "deploy": "new code for agents while they work, and the way back",
    "breaker": "circuit breakers: list them, hold them open or closed",
    "foresight": "whether looking at tasks before they are sent is of use",
    "kinds": "what each kind of agent can be asked",
    "events": "what happened lately",
    "logs": "what happened and what agents printed",
    "metrics": "what is counted, for Prometheus",
    "checkpoints": "what is kept of agents: list, verify, show, export, repair",
    "backup": "copy what is kept, also while the engine works",
    "restore": "put such a copy in the place of what is kept",
    "config": "every value of the configuration, and where it came from",
    "cluster": "many machines over ssh, each with an engine",
    "doctor": "look for what is wrong here, and say the mend",
    "init": "a folder with a first agent, its test and a pools.yaml",
    "new": "one more agent, in a file of its own",
    "completion": "have bash, zsh or fish complete what you type",
    "help": "a page about a verb, or a topic such as exit-codes",
    "version": "the version of the engine, of Python and of Linux",
}
#: The verbs under each heading of the help, by the first of them.
HEADINGS = {"spawn": "Start and stop", "run": "Work", "monitor": "Look", "init": "Begin, and help"}

#: Options before the verb that take a value.
VALUED = ("--name", "-f", "--file", "-o", "--output")
#: Of these, those that a verb may have for something else.
FILE_FLAGS = ("-f", "--file")

#: The word with which the script of a shell asks what may stand where the cursor is.
COMPLETE = "__complete"
#: How words ask for JSON.
JSON = ("--json", "-ojson", "-ondjson", *(f"{option}={form}" for option in ("-o", "--output") for form in ("json", "ndjson")))

#: Exit codes of signals: 128 and the signal's number, as shells say it.
INTERRUPTED, PIPE_CLOSED, TERMINATED = 130, 141, 143

EXAMPLES = """\
  engine spawn --count 5000            5,000 counters, in the background
  engine ask counter/17 add 2          one task for one of them
  engine run tasks.jsonl > results     many tasks, results as JSON lines
"""

SHORT = f"""\
engine runs thousands of small stateful agents on this machine.

{EXAMPLES}
engine --help lists the verbs, engine help VERB explains one.
"""

OPTIONS = """\
Options of every verb
  --name NAME        which engine
                     (default: ENGINE_NAME, else as in pools.yaml, else engine)
  -f, --file FILE    its configuration
                     (default: ENGINE_POOLS, else ./pools.yaml, else as shipped)
  -o, --output FORM  table; json, a document; ndjson, a row a line
  --json             the same as -o json: results and errors as JSON
  -q, --quiet        no hints and no progress
  --no-color         no colours; so do NO_COLOR and TERM=dumb
                     (FORCE_COLOR asks for them)
  --debug            a traceback with an error
  -h, --help         this text, or that of a verb
  --version          the version

Exit codes
  0    done
  1    the work failed
  2    asked wrongly
  3    try again, or not running
  4    broken
  130  interrupted; 141 the reader of the output went away; 143 terminated

Files
  Results go to standard output, everything else to standard error. The socket
  is in $XDG_RUNTIME_DIR/engine/NAME, the log in $XDG_STATE_HOME/engine/NAME;
  ENGINE_HOME moves both.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. arguments: without the program's name; None takes the process's own."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _fill_streams()
    try:
        with endings(is_last=arguments is None):
            code = _command(given)
            sys.stdout.flush()
    except BrokenPipeError:
        code = PIPE_CLOSED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Terminated:
        code = TERMINATED
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the edge of the program: every error becomes a line and a code
        from engine.cli.failure import report

        code = report(error, is_json=_wants_json(given), is_debug="--debug" in given)
    finally:
        _drop_unwritten()
        if arguments is None:
            gc.freeze()  # the process ends: a last look for garbage would take 7 ms
    return code


def _wants_json(given: Sequence[str]) -> bool:
    """Whether the words ask for JSON, also where they could not be read."""
    joined = [f"{word}={value}" for word, value in pairwise(given) if word in ("-o", "--output")]
    return any(word in JSON for word in (*given, *joined))


def _fill_streams() -> None:
    """Give a process that was started without standard streams some that lead nowhere.

    Else the first file or socket that is opened would be taken for standard output.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest number that is free, which is this one
    if sys.stdout is None or sys.stderr is None:
        sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _drop_unwritten() -> None:
    """Where output can go nowhere, as its reader is gone or the disk is full, the interpreter shall not try again."""
    try:
        sys.stdout.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _command(given: list[str]) -> int:
    if given[:1] == [COMPLETE]:
        return _complete(given[1:])
    verb, rest = _split(given)
    if verb is None:
        return _general(rest)
    if verb not in VERBS:
        from engine.cli.misuse import Misuse, meant
        from engine.cli.parser import parse_common

        parse_common(given[: given.index(verb)])  # an option that there is not may be why this word was taken for a verb
        raise Misuse(f"there is no verb {verb!r}{meant(verb, VERBS) or '; see: engine --help'}")
    with _nothing_is_garbage():
        from engine.cli.parser import parse

        module = import_module(f"engine.cli.verbs.{verb}")
        options = parse(verb, VERBS[verb], module, rest)
    code: int = module.run(options)
    return code


def _complete(given: list[str]) -> int:
    """Answer a shell: its name, then what it sends."""
    with _nothing_is_garbage():
        shells = import_module("engine.cli.shells")
        print(shells.reply(given), end="")
    return 0


@contextmanager
def _nothing_is_garbage() -> Iterator[None]:
    """Load modules within the block: a look for garbage would find none among their objects."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _split(given: list[str]) -> tuple[str | None, list[str]]:
    """The verb, and the other words."""
    at = 0
    while at < len(given) and given[at].startswith("-"):
        at += 2 if given[at] in VALUED else 1
    if at >= len(given):
        return None, given
    return given[at], [as_before(word) for word in given[:at]] + given[at + 1 :]


def as_before(word: str) -> str:
    """A word before the verb, which may mean something else behind it."""
    flag, equals, value = word.partition("=")
    return f"--pools-yaml{equals}{value}" if flag in FILE_FLAGS else word


def _general(given: list[str]) -> int:
    """A command without a verb: the version, the help, or a few words."""
    if "--version" in given:
        from engine import __version__

        print(f"engine {__version__}")
        return 0
    if "-h" in given or "--help" in given:
        print(front_page(), end="")
        return 0
    from engine.cli.parser import parse_common

    parse_common(given)
    print(SHORT, end="")
    return 0


def front_page() -> str:
    """The help over all verbs."""
    text = "engine: thousands of small stateful agents on this machine\n\nUsage\n  engine VERB [...]\n"
    width = max(map(len, VERBS)) + 2
    for verb, line in VERBS.items():
        if verb in HEADINGS:
            text += f"\n{HEADINGS[verb]}\n"
        text += f"  {verb:<{width}}{line}\n"
    return f"{text}\n{OPTIONS}\nExamples\n{EXAMPLES}"
