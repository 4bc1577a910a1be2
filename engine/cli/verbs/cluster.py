"""`engine cluster`: many machines over ssh, each with an engine of its own."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from importlib import import_module

from engine.cli.misuse import Misuse, meant
from engine.cli.parser import About, Parser, amount

__all__ = ["ABOUT", "add_arguments", "run"]

#: The module and the function of each action.
ACTIONS = {
    "init": ("clusterstart", "init"),
    "check": ("clusterstart", "check"),
    "trust": ("clustertrust", "run"),
    "exec": ("clusterexec", "run"),
}
#: What each option is for, where it is not for all of them: its name among the options that were read, and its default.
OPTIONS = {
    "--force": ("force", False, ("init",)),
    "--yes": ("yes", False, ("trust",)),
    "--fingerprint": ("fingerprint", None, ("trust",)),
    "--by-node": ("by_node", False, ("exec",)),
    "--timeout": ("timeout", None, ("exec",)),
    "--nodes": ("nodes", None, ("check", "exec")),
}
#: Those that take words behind them.
WORDED = ("trust", "exec")
#: Nodes at a time, unless it is said how many, and at most.
JOBS, JOBS_MOST = 4, 256

ABOUT = About(
    usage="""\
init [--force] [-f FILE]
  engine cluster check [--nodes NODES] [-f FILE] [--json]
  engine cluster trust NODE ... [--fingerprint SHA256:... | --yes] [-f FILE]
  engine cluster exec [--nodes NODES] [-j N] [--timeout S] [--by-node] [-f FILE] -- COMMAND ...""",
    text="""\
Works on the machines that cluster.yaml names, several at a time, over ssh: with your ssh configuration, your keys, your agent
and your jump hosts. A host whose key is not known, or is another one than is known, is not spoken to.

  init     write a cluster.yaml with comments
  check    read it only: keys, roles, addresses; asks no host
  trust    show the host keys of nodes, and trust them if you say so
  exec     the same command on every node; what several print alike is shown
           once, under their names

NODES is a list: n1,n[2-4],@worker. A node that is down, slow or refuses stops no other: what became of each is said as it
comes, and in the table at the end. Ctrl-C ends the commands on all of them.

Ends with 1 if a node failed, with 2 for a bad file, with 3 if no node could be reached.""",
    examples="""\
  engine cluster init
  engine cluster check --json | jq .nodes
  engine cluster trust n1 n2
  engine cluster exec --nodes 'n[1-3]' -j 8 -- uptime -p
  engine cluster exec --json -- df -h / | jq '.nodes[] | {node, code, out}'
""",
    actions={
        "init": "write a cluster.yaml with comments",
        "check": "read it only",
        "trust": "show the host keys of nodes, and trust them",
        "exec": "the same command on every node",
    },
)


def add_arguments(parser: Parser) -> None:
    """What to do, and on which nodes."""
    parser.add_argument("action", type=_action, metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("words", nargs="*", metavar="WORD", help="trust: ids of nodes; exec: the command, behind --")
    parser.add_argument("-f", "--file", dest="cluster", metavar="FILE", help="the cluster's file (./cluster.yaml)")
    parser.add_argument("--nodes", metavar="NODES", help="only these: n1,n[2-4],@worker")
    parser.add_argument("-j", "--jobs", type=_jobs, default=JOBS, metavar="N", help=f"nodes at a time ({JOBS})")
    parser.add_argument(
        "--timeout", type=amount("parse_seconds"), metavar="S", help="exec: time for each node (command_timeout_s of the file)"
    )
    parser.add_argument("--by-node", action="store_true", help="exec: each line behind the name of its node")
    parser.add_argument("--fingerprint", metavar="SHA256:...", help="trust: the key that has this one, without a question")
    parser.add_argument("--yes", action="store_true", help="trust: whatever key it shows")
    parser.add_argument("--force", action="store_true", help="init: write over a file that is there")
    parser.offer(cluster="files", nodes="nodes", words={"trust": "nodes"})


def _action(text: str) -> str:
    if text not in ACTIONS:
        raise ArgumentTypeError(f"there is nothing called {text!r} to do{meant(text, ACTIONS) or f'; write {_listed()}'}")
    return text


def _listed() -> str:
    *most, last = ACTIONS
    return f"{', '.join(most)} or {last}"


def _jobs(text: str) -> int:
    number: int = amount("parse_count")(text)
    if not 1 <= number <= JOBS_MOST:
        raise ArgumentTypeError(f"{number:,} is not between 1 and {JOBS_MOST}")
    return number


def run(options: Namespace) -> int:
    """Do it."""
    for name, (key, default, takers) in OPTIONS.items():
        if getattr(options, key) != default and options.action not in takers:
            raise Misuse(f"{name} is for {', '.join(takers)}, not for {options.action}; see: engine cluster --help")
    if options.words and options.action not in WORDED:
        raise Misuse(f"{options.words[0]!r} is one word too many; see: engine cluster --help")
    module, function = ACTIONS[options.action]
    code: int = getattr(import_module(f"engine.cli.{module}"), function)(options)
    return code
