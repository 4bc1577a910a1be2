"""`python -m engine`: the command line, for where the script is not on the path."""

from __future__ import annotations

import sys

from engine.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
