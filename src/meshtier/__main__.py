"""The command as a program; without the extra ``cli``, a hint what to install.

With the extra, `main` is the click command itself, so that tools which make manual
pages or references from a program's entry point find its subcommands.
"""

import sys
from collections.abc import Callable
from typing import NoReturn

from meshtier.errors import MissingExtraError


def _without_extra() -> NoReturn:
    sys.stderr.write(f"meshtier: {MissingExtraError('cli', 'the command')}\n")
    raise SystemExit(2)


main: Callable[[], object] = _without_extra
try:
    from meshtier.cli import app
except MissingExtraError:
    pass
else:
    main = app

if __name__ == "__main__":
    main()
