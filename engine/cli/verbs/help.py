"""`engine help`: a page about a verb, or about a topic."""

from __future__ import annotations

from argparse import Namespace

from engine.cli.headings import painted
from engine.cli.main import VERBS, front_page
from engine.cli.manual import page_of, parser_of
from engine.cli.misuse import Misuse, meant
from engine.cli.output import screen, show_document, show_json
from engine.cli.pager import show_page
from engine.cli.parser import About, Parser
from engine.cli.topics import TOPICS, text_of

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.help/v1"

ABOUT = About(
    usage="[VERB|TOPIC]",
    text="""\
Shows the help of a verb, a page about a topic, or, without a word, all verbs. On a terminal, what is longer than the screen is
shown by $PAGER, or less. `engine help topics` lists the topics.""",
    examples="""\
  engine help spawn
  engine help topics
  engine help exit-codes
  engine help tasks --json | jq -r '.options[].names[]'
""",
)


def add_arguments(parser: Parser) -> None:
    """What it is about."""
    parser.add_argument("about", nargs="*", metavar="VERB|TOPIC", help="a verb, or a topic such as exit-codes")
    parser.offer(about="pages")


def run(options: Namespace) -> int:
    """Show the page."""
    about = next(iter(options.about), None)
    if about is None:
        return _show_all(options)
    if about in VERBS:
        page = page_of(about, VERBS[about])
        if options.json:
            show_json({"schema": SCHEMA, **page.as_dict()})
        else:
            show_page(painted(parser_of(about, VERBS[about]).format_help(), screen(options)))
        return 0
    if about not in TOPICS and about != "topics":
        known = [*VERBS, *TOPICS, "topics"]
        raise Misuse(f"there is no help about {about!r}{meant(about, known) or '; see: engine help, engine help topics'}")
    if options.json:
        show_json({"schema": SCHEMA, "name": about, "text": text_of(about)})
    else:
        show_page(painted(text_of(about), screen(options)))
    return 0


def _show_all(options: Namespace) -> int:
    verbs = [{"name": name, "line": line} for name, line in VERBS.items()]
    topics = [{"name": name, "line": topic.line} for name, topic in TOPICS.items()]
    if options.json:
        show_document(options, {"schema": SCHEMA, "verbs": verbs, "topics": topics}, "verbs")
    else:
        show_page(painted(front_page(), screen(options)))
    return 0
