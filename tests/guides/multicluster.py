"""What docs/guides/multicluster.md must show."""

from typing import Final

from tests.guides import Steps

STEPS: Final = 19
"""How many steps there are."""

EXPECTED: Final[Steps] = {}
