"""The command line: what to ask, and how the answer is printed."""

from meshtier.cli.app import app, run

__all__ = ["app", "run"]
