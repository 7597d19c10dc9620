"""What docs/guides/kgateway.md must show."""

from typing import Final

from tests.guides import Steps

STEPS: Final = 10
"""How many steps there are."""

EXPECTED: Final[Steps] = {}
