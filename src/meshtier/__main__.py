"""The command, or a hint what it needs."""

import sys
from importlib.util import find_spec

_NEEDED = ("click", "rich", "yaml", "msgspec")


def main() -> None:
    """Run the command line; without the extra ``cli`` say what to install, and exit with 2."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"meshtier: the command needs an extra (missing: {', '.join(missing)}): pip install 'meshtier[cli]'\n"
        )
        raise SystemExit(2)
    from meshtier.cli import run  # noqa: PLC0415  # only now is it known that its packages are there

    run()


if __name__ == "__main__":
    main()
