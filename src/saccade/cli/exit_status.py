"""With which status the process ends, where it is not the command that says so."""

STOPPED = 130
"""Exit status after Ctrl-C, as shells have it (128 + SIGINT)."""
READER_GONE = 141
"""Exit status when the reader of a pipe went away, as shells have it (128 + SIGPIPE)."""
STOPPED_LINE = b"saccade: stopped.\n"
