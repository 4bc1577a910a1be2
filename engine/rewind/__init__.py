"""What an engine looked like: documents recorded once a second, and the way back to each of them ([REWIND.md](REWIND.md))."""
