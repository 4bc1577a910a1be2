"""The command line: what a person types, and what they read.

Each verb is a module of `verbs`, imported when it is chosen. Nothing here runs agents: every verb asks a running engine over
its socket, or starts one.
"""
