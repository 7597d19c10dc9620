"""What docs/guides/ztunnel.md must show."""

from typing import Final

from tests.guides import Steps

STEPS: Final = 13
"""How many steps there are."""

EXPECTED: Final[Steps] = {}
