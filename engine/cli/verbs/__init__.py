"""The verbs of the command line, one module each.

A module has `ABOUT`, what its help says; `add_arguments(parser)`; and `run(options)`, which returns the exit code.
"""
