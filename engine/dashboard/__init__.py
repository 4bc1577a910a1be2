"""The dashboard: what an engine does, seen in a terminal. It reads documents and asks for verbs; it never touches an engine."""
