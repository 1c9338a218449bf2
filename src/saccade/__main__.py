"""`python -m saccade` is the command line."""

from __future__ import annotations

from saccade.cli.process import run

if __name__ == "__main__":
    run()
