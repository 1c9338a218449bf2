"""The command line: one command a file. A command parses, calls the library and prints.

    process       the program as a process: its streams, Ctrl-C, its exit status
    interruption  Ctrl-C ends the process at once, at any moment
    exit_status   the statuses of a process that was stopped
    streams       stdout and stderr where the caller closed them
    program       the commands put together
    command       what every command shares: option groups, errors as one line, exit statuses
    console       what is said where: results on stdout, notes and progress on stderr, JSON for programs
    silence       keeps the frameworks' own messages off the terminal
    options       the options that several commands share
    values        texts from the command line -> numbers, sizes, names
    settings      `--set NAME=VALUE` -> the settings of methods
    browser       a page in the browser of the person at this machine
    named_files   the files that a command names, looked at before a model is opened
    json_file     a JSON file that the user names, with a limit to its size and depth
    other_model   a second model of one command
    durations     seconds for people
    forecast      how long a question will take
    verdicts      what an evaluation on disk says of each method

Importing this package loads nothing; `program` loads typer and nothing heavier; the library is imported inside the
commands.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line in this process, and come back.

    Args:
        arguments: The words after `saccade`; by default those of the process.

    Returns:
        The exit status: 0 done, 1 a defect in the program, 2 something that the user can put right, 130 stopped with
        Ctrl-C, 141 the reader of the output went away.
    """
    from saccade.cli.program import main as run

    return run(arguments)
