"""The command line: what to ask, and how the answer is printed."""

from meshtier.cli.app import app

__all__ = ["app"]
