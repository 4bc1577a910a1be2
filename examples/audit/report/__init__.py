"""The writers of an audit's reports: each takes an `Outcome` and returns the text of one file."""
