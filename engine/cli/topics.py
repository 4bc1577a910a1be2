"""What `engine help` says about more than one verb.

Owns the texts. What can be taken from the code that decides it is taken from there.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TOPICS", "Topic", "text_of"]


class Topic(NamedTuple):
    """Something to read about. line: what it is, in a few words.  text: at most 80 columns wide, with headings."""

    line: str
    text: str


ADDRESSES = """\
An agent is called kind/key: counter/17, scout/a. The kind is a Python class,
the key a number or a name of up to 128 characters. A kind alone, as in

  engine ask counter ping

means any agent of it, and kind/* all of them.

Where classes are found
  A kind that pools.yaml names is loaded when the engine starts. Another one is
  loaded by --use module:Class, or --use file.py:Class. Modules are looked for
  beside pools.yaml and in the folder of the command that named them.

To begin one
  engine init swarm           a folder with pools.yaml, an agent and its test
  engine new agent scout      one more class, in a file of its own
  engine kinds                what the agents of each kind can be asked
"""

CONFIGURATION = """\
Each value has one of these sources; the first that gives it is taken:

  1  a flag              --name NAME, --set KEY=VALUE of spawn, start, config
  2  the environment     ENGINE_AGENTS, ENGINE_POOLS__P1__CPU
  3  .env                the same names, in the folder of the command
  4  pools.yaml          -f FILE, else ENGINE_POOLS, else ./pools.yaml,
                         else the file that the engine came with
  5  the default

A key is written with dots, as pools.p1.cpu. Its variable is ENGINE_ and the key
in capitals, with two underscores for a dot and one for a hyphen.

To look at it
  engine config show          every value, and where it came from
  engine config path          which file is read, and where everything is kept
  engine config check FILE    whether a file can be used
  engine doctor               that, and whether this machine can do it

An engine that runs keeps the values with which it was started.
"""

ENVIRONMENT = """\
  ENGINE_HOME        a folder for sockets, state and logs, in place of the XDG
                     directories; not relative
  ENGINE_NAME        which engine, in place of --name
  ENGINE_POOLS       which pools.yaml, in place of -f
  ENGINE_…           any key of pools.yaml; see: engine help configuration
  NO_COLOR           not empty: no colours
  FORCE_COLOR        not empty, 0 or false: colours in a pipe too
  TERM               dumb: neither colours nor progress that moves
  COLUMNS            how wide a terminal is
  PAGER              what shows long help (less -RFX)
  XDG_RUNTIME_DIR    where sockets are, in engine/NAME
  XDG_STATE_HOME     where state and logs are, in engine/NAME (~/.local/state)

Names that begin with ENGINE_ are read from a file called .env in the current
folder too, where they are not set.
"""

EXIT_CODES = """\
  0    done
  1    the work failed: a task, a sprint, an agent that was asked
  2    asked wrongly: the message says what to type
  3    try again, or not running: a moment later it may be well
  4    broken: damage on the disk, a failed disk, or a fault of the engine
  130  interrupted by Ctrl-C
  141  the reader of the output went away
  143  terminated by SIGTERM

An error is one line on standard error. With --json it is one document there:

  {"schema": "engine.error/v1", "exit_code": 3,
   "error": {"type": "NotRunning", "message": "...", "retry_after_s": 1.0}}

In a script
  engine wait ready --timeout 30s || exit
  until engine run tasks.jsonl > results.jsonl; do
    test $? -eq 3 || break
    sleep 1
  done
"""

FILES = """\
  pools.yaml    what the engine runs on; see: engine help configuration
  .env          variables for this folder
  $XDG_RUNTIME_DIR/engine/NAME/
    control.sock    the socket that everybody speaks to; for its owner alone
    daemon.lock     held by the engine that runs
  $XDG_STATE_HOME/engine/NAME/        (~/.local/state/engine/NAME)
    data/           what is kept of agents, and accepted tasks
    sprints/        a folder for each sprint
    daemon.log      what the engine says while nobody looks

With ENGINE_HOME they are in $ENGINE_HOME/run/NAME and $ENGINE_HOME/state/NAME.

  engine config path          all of them, for this command
  engine checkpoints ls       what is in data/
  engine backup monday.tar    a copy of data/, also while the engine works
"""

OUTPUT = """\
Results go to standard output, everything else to standard error.

  -o table     for people (the default). On a terminal the table is as wide as
               that, and the least important columns are left out; in a pipe
               nothing is left out
  -o json      one document, with its "schema"; --json is the same. An error is
               a document on standard error
  -o ndjson    of a list, each row is a document on a line of its own; what is
               no list is one line
  --quiet      no hints and no progress
  --no-color   no colours; see also: engine help environment

What has no end (stats --watch, logs -f) is a document a line in both forms of
JSON. Where nothing else is said, results of run and ids of submit are lines of
JSON, as with -o ndjson, and ask prints the value alone, as JSON; with -o json
each is one document, whose rows are written while they come.

A schema ends with its version: engine.agents/v1. Keys may be added to a
document under the same version; none is taken away or changed.

  engine agents -o ndjson | jq -r .agent
  engine tasks --json | jq .counts
  engine run tasks.jsonl --json | jq '.results | length'
"""

TASK_LINES = """\
A task is a line of JSON, for run and submit:

  {"id": "a", "agent": "counter/17", "method": "add", "args": [2]}
  {"kind": "counter", "method": "ping"}

run answers with a line for each, in the order in which they end:

  {"id": "a", "ok": true, "value": 2}
  {"id": 1, "ok": false, "error": {"type": "ValueError", "message": "..."}}

A task without an id is called by its place in the input, from 0. A line that is
no task is answered with its number: {"line": 7, "ok": false, "error": {...}}.

A line may say
"""

TOPICS = {
    "addresses": Topic("what agents are called, and where their classes are found", ADDRESSES),
    "configuration": Topic("where values come from, and which wins", CONFIGURATION),
    "environment": Topic("the variables that are read", ENVIRONMENT),
    "exit-codes": Topic("what a command ends with, and errors as JSON", EXIT_CODES),
    "files": Topic("what is kept where", FILES),
    "output": Topic("tables, JSON, lines, colours", OUTPUT),
    "task-lines": Topic("a task as a line of JSON", TASK_LINES),
}


def text_of(name: str) -> str:
    """The page of a topic, or of `topics`, the list of them. Raises KeyError."""
    if name == "topics":
        rows = "".join(f"  {topic:<16}{about.line}\n" for topic, about in TOPICS.items())
        return f"engine help topics: what there is to read beside the verbs\n\nTopics\n{rows}\nengine help TOPIC shows one.\n"
    topic = TOPICS[name]
    text = topic.text
    if name == "task-lines":
        from engine.cli.taskfields import TABLE

        text += f"{TABLE}\n\nAll but id, agent, kind, method and args are for submit, and run --detach.\n"
    return f"engine help {name}: {topic.line}\n\n{text}"
